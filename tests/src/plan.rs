//! PostgreSQL plans as EXPLAIN (FORMAT JSON) shows them.

use std::fmt;

use serde_json::Value;

/// A plan: its nodes, from the top, children after their parent.
#[derive(Clone, Debug)]
pub struct Plan {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug)]
struct Node {
    depth: usize,
    kind: String,
    provider: Option<String>,
    fusion: Vec<String>,
    rescanned: bool,
}

impl Plan {
    /// Reads the JSON text of EXPLAIN.
    pub fn parse(json: &str) -> Self {
        let value: Value = serde_json::from_str(json).expect("EXPLAIN prints JSON");
        let mut nodes = Vec::new();
        walk(&value[0]["Plan"], 0, false, &mut nodes);
        assert!(!nodes.is_empty(), "a plan without nodes: {json}");
        Self { nodes }
    }

    /// How many nodes are PgFusion nodes.
    pub fn fusion_nodes(&self) -> usize {
        self.nodes.iter().filter(|n| n.provider.as_deref() == Some("PgFusion")).count()
    }

    /// What the PgFusion nodes do: the lines of their fusion plans.
    pub fn fusion_lines(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().flat_map(|node| &node.fusion).map(String::as_str)
    }

    /// Whether a PgFusion node runs again for every row of a nested loop's other side.
    pub fn rescans_fusion(&self) -> bool {
        self.nodes.iter().any(|n| n.rescanned && n.provider.as_deref() == Some("PgFusion"))
    }

    /// How many of PostgreSQL's own nodes join or aggregate.
    pub fn native_joins_and_aggregates(&self) -> usize {
        let kinds = ["Nested Loop", "Hash Join", "Merge Join", "Aggregate", "Group", "WindowAgg"];
        self.nodes.iter().filter(|n| kinds.contains(&n.kind.as_str())).count()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for node in &self.nodes {
            write!(f, "\n{:indent$}{}", "", node.kind, indent = 2 * node.depth)?;
            if let Some(provider) = &node.provider {
                write!(f, " ({provider})")?;
            }
        }
        Ok(())
    }
}

/// Nodes that keep their rows for the next scan.
const KEEPERS: [&str; 4] = ["Materialize", "Memoize", "Sort", "Hash"];

fn walk(value: &Value, depth: usize, rescanned: bool, nodes: &mut Vec<Node>) {
    let Some(kind) = value["Node Type"].as_str() else { return };
    let lines = value["Fusion Plan"].as_array().into_iter().flatten();
    nodes.push(Node {
        depth,
        kind: kind.to_owned(),
        provider: value["Custom Plan Provider"].as_str().map(str::to_owned),
        fusion: lines.filter_map(Value::as_str).map(str::to_owned).collect(),
        rescanned,
    });
    for child in value["Plans"].as_array().into_iter().flatten() {
        let inner = kind == "Nested Loop" && child["Parent Relationship"] == "Inner";
        let rescanned = (rescanned || inner) && !KEEPERS.contains(&kind);
        walk(child, depth + 1, rescanned, nodes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_a_nested_loop_runs_again_unless_it_is_kept() {
        let rescans = |inner: &str| {
            let outer = r#"{"Node Type": "Custom Scan", "Custom Plan Provider": "PgFusion",
                "Parent Relationship": "Outer"}"#;
            let text = format!(
                r#"[{{"Plan": {{"Node Type": "Nested Loop", "Plans": [{outer}, {inner}]}}}}]"#
            );
            Plan::parse(&text).rescans_fusion()
        };
        let fusion = r#"{"Node Type": "Custom Scan", "Custom Plan Provider": "PgFusion"}"#;
        let below = |kind: &str| {
            format!(
                r#"{{"Node Type": "{kind}", "Parent Relationship": "Inner", "Plans": [{fusion}]}}"#
            )
        };
        assert!(rescans(&below("Aggregate")));
        assert!(!rescans(&below("Materialize")));
        assert!(!rescans(r#"{"Node Type": "Seq Scan", "Parent Relationship": "Inner"}"#));
    }

    #[test]
    fn nodes_are_counted_at_every_depth() {
        let plan = Plan::parse(
            r#"[{"Plan": {"Node Type": "Limit", "Plans": [
                {"Node Type": "Custom Scan", "Custom Plan Provider": "PgFusion",
                 "Fusion Plan": ["Filter: (a > b)", "  Leaf 0"], "Plans": [
                    {"Node Type": "Custom Scan", "Custom Plan Provider": "Feed", "Plans": [
                        {"Node Type": "Hash Join", "Plans": [
                            {"Node Type": "Seq Scan"}, {"Node Type": "Hash"}]}]}]}]}}]"#,
        );
        assert_eq!(plan.fusion_nodes(), 1);
        assert_eq!(plan.native_joins_and_aggregates(), 1);
        assert_eq!(plan.fusion_lines().collect::<Vec<_>>(), ["Filter: (a > b)", "  Leaf 0"]);
        assert!(plan.to_string().contains("\n  Custom Scan (PgFusion)\n    Custom Scan (Feed)"));
    }
}
