//! What peers cost: figures that were measured on the kind of machine that this workspace is developed on, and
//! published ones.

use serde::{Deserialize, Serialize};

const DATA: &str = include_str!("../data/literature.json");

/// A figure of somebody else's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// What it is of.
    pub what: String,
    /// The figure.
    pub figure: String,
    /// Where it is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// All of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Literature {
    /// Measured for this comparison: two cores, one process at a time, real proofs. Ratios count.
    pub measured: Vec<Reference>,
    /// Published.
    pub published: Vec<Reference>,
    /// Axes that others report on.
    pub axes: Vec<String>,
}

impl Literature {
    /// That of this version.
    pub fn known() -> Self {
        serde_json::from_str(DATA).expect("it is JSON of this form, which a test shows")
    }

    /// As tables in Markdown.
    pub fn markdown(&self) -> String {
        let mut text = String::from("| measured | figure |\n| --- | --- |\n");
        for one in &self.measured {
            text.push_str(&format!("| {} | {} |\n", one.what, one.figure));
        }
        text.push_str("\n| published | figure | source |\n| --- | --- | --- |\n");
        for one in &self.published {
            let source = one.source.as_deref().unwrap_or_default();
            let source = match &one.link {
                Some(link) => format!("[{source}]({link})"),
                None => source.into(),
            };
            text.push_str(&format!("| {} | {} | {source} |\n", one.what, one.figure));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_figure_has_a_source() {
        let known = Literature::known();
        assert!(known.measured.len() > 5 && known.axes.len() > 3);
        for one in &known.published {
            assert!(one.source.is_some(), "{one:?}");
        }
        assert!(known.markdown().contains("8,913,475"));
    }
}
