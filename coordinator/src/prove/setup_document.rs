//! Where parameters come from, as documents say it.

use std::fmt;

use maci_nova_contracts::alloy_primitives::hex;
use maci_nova_folding::SetupOrigin;
use serde::Serialize;

/// `setup`, and `powersOfTau` where there was a ceremony.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SetupDocument {
    setup: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    powers_of_tau: Option<PowersOfTau>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct PowersOfTau {
    /// SHA-256 of the points used.
    digest: String,
    /// `2^power` points of G1 are used.
    power: u32,
}

impl From<SetupOrigin> for SetupDocument {
    fn from(origin: SetupOrigin) -> Self {
        match origin {
            SetupOrigin::InsecureDevelopment => SetupDocument {
                setup: "INSECURE development",
                powers_of_tau: None,
            },
            SetupOrigin::PowersOfTau { digest, power } => SetupDocument {
                setup: "powers of tau",
                powers_of_tau: Some(PowersOfTau {
                    digest: hex::encode(digest),
                    power,
                }),
            },
        }
    }
}

impl fmt::Display for SetupDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.powers_of_tau {
            None => f.write_str(self.setup),
            Some(PowersOfTau { digest, power }) => {
                write!(f, "{} {digest} (2^{power} used)", self.setup)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn powers_of_tau_are_an_object() {
        let ceremony = SetupDocument::from(SetupOrigin::PowersOfTau {
            digest: [7; 32],
            power: 18,
        });
        let digest = "07".repeat(32);
        let expected = json!({
            "setup": "powers of tau",
            "powersOfTau": { "digest": digest, "power": 18 }
        });
        assert_eq!(serde_json::to_value(&ceremony).unwrap(), expected);
        let text = format!("powers of tau {digest} (2^18 used)");
        assert_eq!(ceremony.to_string(), text);
        let development = SetupDocument::from(SetupOrigin::InsecureDevelopment);
        let expected = json!({ "setup": "INSECURE development" });
        assert_eq!(serde_json::to_value(&development).unwrap(), expected);
        assert_eq!(development.to_string(), "INSECURE development");
    }
}
