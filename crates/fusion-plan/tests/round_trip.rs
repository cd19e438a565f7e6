//! Any plan survives its trip through bytes, and damaged bytes are refused
//! without a panic.

use fusion_plan::*;
use proptest::prelude::*;

fn data_type() -> impl Strategy<Value = DataType> {
    prop_oneof![
        Just(DataType::Bool),
        Just(DataType::Int2),
        Just(DataType::Int4),
        Just(DataType::Int8),
        Just(DataType::Float4),
        Just(DataType::Float8),
        Just(DataType::Date),
        Just(DataType::Timestamp),
        Just(DataType::Interval),
        (1..=76u8)
            .prop_flat_map(|precision| (Just(precision), 0..=precision))
            .prop_map(|(precision, scale)| DataType::Decimal { precision, scale }),
        Just(DataType::Text),
        Just(DataType::Bpchar),
        Just(DataType::Uuid),
    ]
}

fn value_of(ty: DataType) -> BoxedStrategy<Value> {
    match ty {
        DataType::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        DataType::Float4 | DataType::Float8 => any::<u64>().prop_map(Value::Float).boxed(),
        DataType::Decimal { .. } => any::<Option<i128>>().prop_map(Value::Decimal).boxed(),
        DataType::Interval => {
            any::<(i32, i32, i64)>().prop_map(|(m, d, u)| Value::Interval(m, d, u)).boxed()
        }
        DataType::Text | DataType::Bpchar => any::<Vec<u8>>().prop_map(Value::Text).boxed(),
        DataType::Uuid => any::<Vec<u8>>().prop_map(Value::Bytes).boxed(),
        _ => any::<i64>().prop_map(Value::Int).boxed(),
    }
}

fn literal() -> impl Strategy<Value = Expr> {
    data_type()
        .prop_flat_map(|ty| (Just(ty), prop::option::of(value_of(ty))))
        .prop_map(|(ty, value)| Expr::Literal(Literal { ty, value }))
}

/// A boolean over `columns` input columns, the first of which is boolean.
fn predicate(columns: u32) -> impl Strategy<Value = Expr> {
    let scalar = prop_oneof![(0..columns).prop_map(Expr::Column), literal()];
    let leaf = prop_oneof![
        Just(Expr::Column(0)),
        scalar.clone().prop_map(|arg| Expr::IsNull(Box::new(arg))),
        (scalar.clone(), scalar).prop_map(|(l, r)| Expr::call(
            Function::Le,
            vec![l, r],
            DataType::Bool
        )),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(Expr::And),
            prop::collection::vec(inner.clone(), 1..3).prop_map(Expr::Or),
            inner.clone().prop_map(|arg| Expr::Not(Box::new(arg))),
            inner
                .clone()
                .prop_map(|arg| Expr::BoolTest { arg: Box::new(arg), test: BoolTest::NotFalse }),
            (inner.clone(), inner.clone(), prop::option::of(inner)).prop_map(
                |(when, then, rest)| {
                    Expr::Case {
                        whens: vec![(when, then)],
                        otherwise: rest.map(Box::new),
                        ty: DataType::Bool,
                    }
                }
            ),
        ]
    })
}

/// Operators that keep a schema of one boolean and one `int8` column.
fn rel() -> impl Strategy<Value = Rel> {
    let rows = || 0.0..1e12f64;
    (0..2u32).prop_map(Rel::Leaf).prop_recursive(5, 20, 2, move |inner| {
        let sort_key = (0..2u32, any::<bool>(), any::<bool>()).prop_map(
            |(column, descending, nulls_first)| SortKey {
                expr: Expr::Column(column),
                descending,
                nulls_first,
            },
        );
        let bound = || {
            prop::option::of(prop_oneof![
                Just(Expr::Param(0)),
                any::<i64>().prop_map(|n| Expr::literal(DataType::Int8, Value::Int(n))),
            ])
        };
        prop_oneof![
            (inner.clone(), prop::collection::vec(predicate(2), 1..3), rows()).prop_map(
                |(input, predicates, rows)| Rel::Filter { input: input.into(), predicates, rows }
            ),
            (inner.clone(), predicate(2)).prop_map(|(input, first)| Rel::Project {
                input: input.into(),
                exprs: vec![first, Expr::Column(1)],
            }),
            (inner.clone(), inner.clone(), predicate(4), any::<bool>(), rows()).prop_map(
                |(left, right, residual, full, rows)| Rel::Join(Join {
                    kind: if full { JoinKind::Full } else { JoinKind::Semi },
                    left: left.into(),
                    right: right.into(),
                    keys: vec![(Expr::Column(1), Expr::Column(1))],
                    residual: vec![residual],
                    build: if full { Side::Left } else { Side::Right },
                    output: vec![0, 1],
                    rows,
                })
            ),
            (inner.clone(), predicate(2), any::<bool>(), rows()).prop_map(
                |(input, filter, distinct, rows)| Rel::Aggregate {
                    input: input.into(),
                    groups: vec![Expr::Column(0)],
                    aggregates: vec![Aggregate {
                        function: AggregateFunction::Count,
                        args: vec![Expr::Column(1)],
                        filter: Some(filter),
                        distinct,
                        ty: DataType::Int8,
                    }],
                    rows,
                }
            ),
            (inner.clone(), prop::collection::vec(sort_key, 1..3), any::<Option<u64>>())
                .prop_map(|(input, keys, fetch)| Rel::Sort { input: input.into(), keys, fetch }),
            (inner.clone(), bound(), bound()).prop_map(|(input, offset, count)| Rel::Limit {
                input: input.into(),
                offset,
                count,
            }),
            (inner.clone(), rows())
                .prop_map(|(input, rows)| Rel::Distinct { input: input.into(), rows }),
            prop::collection::vec(inner.clone(), 1..3)
                .prop_map(|inputs| Rel::Union { inputs, all: true }),
            inner.prop_map(|input| Rel::Project {
                input: Box::new(Rel::Window {
                    input: input.into(),
                    window: Window {
                        partition_by: vec![Expr::Column(0)],
                        order_by: vec![],
                        frame: WindowFrame {
                            units: FrameUnits::Rows,
                            start: FrameBound::UnboundedPreceding,
                            end: FrameBound::CurrentRow,
                        },
                        functions: vec![WindowFunction::RowNumber],
                    },
                }),
                exprs: vec![Expr::Column(0), Expr::Column(2)],
            }),
        ]
    })
}

fn plan() -> impl Strategy<Value = Plan> {
    let leaf = |name: &str| LeafSchema {
        name: name.to_owned(),
        fields: vec![
            Field { name: format!("{name}.flag"), ty: DataType::Bool },
            Field { name: format!("{name}.id"), ty: DataType::Int8 },
        ],
        rows: 1000.0,
    };
    rel().prop_map(move |root| Plan {
        root,
        leaves: vec![leaf("a"), leaf("b")],
        params: vec![DataType::Int8],
    })
}

proptest! {
    #[test]
    fn every_plan_survives(plan in plan()) {
        let bytes = encode(&plan).unwrap();
        prop_assert_eq!(decode(&bytes).unwrap(), plan);
    }

    #[test]
    fn every_plan_has_one_line_per_node(plan in plan()) {
        let lines = plan.lines();
        prop_assert_eq!(lines.len() as u32, plan.root.node_count());
        prop_assert!(lines.iter().enumerate().all(|(i, line)| line.node.0 as usize == i));
        prop_assert!(lines.iter().all(|line| !line.text.is_empty()));
    }

    #[test]
    fn damaged_bytes_are_an_error_or_a_consistent_plan(
        plan in plan(), at in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let mut bytes = encode(&plan).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(decoded) = decode(&bytes) {
            let _ = decoded.to_string();
        }
    }
}

#[test]
fn other_versions_are_named() {
    let plan = Plan { root: Rel::Leaf(0), leaves: vec![], params: vec![] };
    let mut bytes = encode(&plan).unwrap();
    assert!(matches!(decode(&bytes), Err(CodecError::Inconsistent(_))));
    bytes[2] = 0xff;
    assert!(matches!(decode(&bytes), Err(CodecError::Version { found: 0x00ff })));
    assert!(matches!(decode(b"xx"), Err(CodecError::NotAPlan)));
}
