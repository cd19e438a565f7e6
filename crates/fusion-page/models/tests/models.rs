//! Every model, explored.

use fusion_page_models::models::{feeding, filters, queues, sessions, slots};

macro_rules! models {
    ($($room:ident::$model:ident;)*) => {$(
        #[test]
        fn $model() {
            $room::$model();
        }
    )*};
}

models! {
    queues::a_ring_of_many;
    queues::a_dead_producer;
    queues::a_dead_consumer;
    queues::nobody_rings_in_vain;
    slots::everybody_has_a_turn;
    feeding::pages_for_credits;
    feeding::credits_of_two;
    feeding::a_page_for_the_starved;
    feeding::results_in_their_window;
    sessions::everybody_leaves;
    sessions::a_late_parallel_worker;
    sessions::a_dead_client;
    sessions::a_dead_worker;
    sessions::a_dead_parallel_worker;
    filters::a_filter_that_is_read;
    filters::a_filter_that_appears;
    filters::a_dead_publisher;
    filters::a_dead_reader;
}
