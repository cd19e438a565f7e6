//! What [`ExecutionPlan`](datafusion_physical_plan::ExecutionPlan) asks of every operator and
//! several of ours answer alike. What is left to them is how they run.

/// The answers of an operator that hands on its one input's columns, order and partitions:
/// `$input`; `$new` makes the same operator over another one.
macro_rules! pass_through {
    ($self:ident => $input:expr, |$other:ident| $new:expr) => {
        fn name(&$self) -> &str {
            Self::static_name()
        }

        fn properties(&$self) -> &std::sync::Arc<datafusion_physical_plan::PlanProperties> {
            $input.properties()
        }

        fn children(&$self) -> Vec<&std::sync::Arc<dyn ExecutionPlan>> {
            vec![&$input]
        }

        fn maintains_input_order(&$self) -> Vec<bool> {
            vec![true]
        }

        $crate::ops::plan::no_expressions!();

        fn with_new_children(
            $self: std::sync::Arc<Self>,
            mut children: Vec<std::sync::Arc<dyn ExecutionPlan>>,
        ) -> Result<std::sync::Arc<dyn ExecutionPlan>> {
            let $other = children.pop().ok_or_else(|| {
                datafusion_common::internal_datafusion_err!("{} has one input", $self.name())
            })?;
            Ok(std::sync::Arc::new($new))
        }
    };
}

/// The answers of an operator without inputs, which has its properties in a field.
macro_rules! source {
    () => {
        fn name(&self) -> &str {
            Self::static_name()
        }

        fn properties(&self) -> &std::sync::Arc<datafusion_physical_plan::PlanProperties> {
            &self.properties
        }

        fn children(&self) -> Vec<&std::sync::Arc<dyn ExecutionPlan>> {
            Vec::new()
        }

        $crate::ops::plan::no_expressions!();

        fn with_new_children(
            self: std::sync::Arc<Self>,
            children: Vec<std::sync::Arc<dyn ExecutionPlan>>,
        ) -> Result<std::sync::Arc<dyn ExecutionPlan>> {
            match children.is_empty() {
                true => Ok(self),
                false => datafusion_common::internal_err!("{} has no inputs", self.name()),
            }
        }
    };
}

/// The answer of an operator whose expressions nobody has to see.
macro_rules! no_expressions {
    () => {
        fn apply_expressions(
            &self,
            _visit: &mut dyn FnMut(
                &std::sync::Arc<dyn datafusion_physical_expr::PhysicalExpr>,
            ) -> Result<datafusion_common::tree_node::TreeNodeRecursion>,
        ) -> Result<datafusion_common::tree_node::TreeNodeRecursion> {
            Ok(datafusion_common::tree_node::TreeNodeRecursion::Continue)
        }
    };
}

pub(super) use {no_expressions, pass_through, source};
