//! The last foldings on BN254 in a circuit: the hashes that bind the running instances and the
//! statement, all challenges, and the blinded claim.
//!
//! ```text
//! x_0 = H(i, s_i, z_0, z_i, U)
//! delta = RO(x_0, x_1, D)     alpha = RO(delta, F)     r_1 = RO(alpha, K)
//! beta'' = U.beta + alpha (delta, delta^2, delta^4, ..)
//! e' = (1 - r_1) F(alpha) + r_1 (r_1 - 1) K(r_1)            x' = U.x + r_1 ((x_0, x_1) - U.x)
//! r_2 = RO(the hash of r_1, D_R, R.x, R.e, R.K)
//! e'' = (1 - r_2) e' + r_2 R.e + r_2 (r_2 - 1) R.K(r_2)     x'' = x' + r_2 (R.x - x')
//! ```
//! The decider has it beside all the rest, the off-chain proof as a relation of its own.

use maci_nova_folding::{
    blinding::Foldings,
    claims::{evaluate_in_circuit, moved_in_circuit, on_line_in_circuit},
    cyclefold::{multiplier, HALF},
    engine::PublicParams,
    limbs::PACKED_POINT,
    oracle::{hash_in_circuit, low_bits_in_circuit, Query},
};
use maci_nova_step_circuit::{
    constraints::Constraints,
    num::{Gadget, Num},
    Fr,
};

/// The points that a verifier folds: U.C, D and D_R.
pub(crate) const POINTS: usize = 3;

/// What is known of the foldings elsewhere.
pub(crate) struct Stated<'a> {
    /// i: shown to be in its range by the caller.
    pub(crate) step: &'a Num,
    /// z_0 and z_i.
    pub(crate) z0: &'a [Num],
    pub(crate) z: &'a [Num],
    /// The hash of U_cf.
    pub(crate) x1: &'a Num,
    /// U.C, D and D_R.
    pub(crate) points: &'a [[Num; PACKED_POINT]; POINTS],
}

/// What the foldings come to.
pub(crate) struct Folded {
    pub(crate) r1: Num,
    pub(crate) r2: Num,
    pub(crate) x: [Num; 2],
    pub(crate) beta: Vec<Num>,
    pub(crate) e: Num,
}

/// Fills `g` with the last foldings; what is not stated is hinted.
pub(crate) fn fold<CS: Constraints<Fr>>(
    g: &mut Gadget<'_, CS>,
    engine: &PublicParams,
    stated: &Stated<'_>,
    foldings: &Foldings,
) -> Folded {
    let digest = Num::constant(engine.digest());
    let salt = g.alloc(foldings.salt);
    let running = &foldings.running;
    let running_x = running.x.map(|value| g.alloc(value));
    let beta: Vec<Num> = running.beta.iter().map(|value| g.alloc(*value)).collect();
    let e = g.alloc(running.e);
    let query = Query::Running {
        step: stated.step,
        salt: &salt,
        z0: stated.z0,
        z: stated.z,
        commitment: &stated.points[0],
        x: &running_x,
        beta: &beta,
        e: &e,
    };
    let x0 = hash_in_circuit(g, &digest, &query);
    let incoming = [g.materialize(&x0), stated.x1.clone()];
    let challenge = |g: &mut Gadget<'_, CS>, query: &Query<'_, Num>| {
        let hash = hash_in_circuit(g, &digest, query);
        // One variable in place of a combination, which several rows would have to repeat.
        g.materialize(&hash)
    };
    let delta = challenge(
        g,
        &Query::Delta {
            x: &incoming,
            difference: &stated.points[1],
        },
    );
    let messages = &foldings.messages;
    let f: Vec<Num> = messages.f.iter().map(|value| g.alloc(*value)).collect();
    let query = Query::Alpha {
        delta: &delta,
        f: &f,
    };
    let alpha = challenge(g, &query);
    let k = messages.k.map(|value| g.alloc(value));
    let query = Query::Gamma {
        alpha: &alpha,
        k: &k,
    };
    let gamma = challenge(g, &query);
    let bits = low_bits_in_circuit(g, &gamma);
    let (signs, turns) = bits.split_at(HALF);
    let r1 = multiplier(g, signs, turns);
    let r1 = g.materialize(&r1);
    let value = evaluate_in_circuit(g, &e, &f, &alpha);
    let once = on_line_in_circuit(g, [&value, &Num::zero()], &k, &r1);
    let x = between(g, &running_x, &incoming, &r1);

    let random = &foldings.random;
    let random_x = random.x.map(|value| g.alloc(value));
    let random_e = g.alloc(random.e);
    let random_k = random.k.map(|value| g.alloc(value));
    let query = Query::Blinding {
        gamma: &gamma,
        difference: &stated.points[2],
        random_x: &random_x,
        random_e: &random_e,
        k: &random_k,
    };
    let r2 = challenge(g, &query);
    Folded {
        x: between(g, &x, &random_x, &r2),
        beta: moved_in_circuit(g, &beta, &delta, &alpha),
        e: on_line_in_circuit(g, [&once, &random_e], &random_k, &r2),
        r1,
        r2,
    }
}

/// `from + share (to - from)`.
fn between<CS: Constraints<Fr>>(
    g: &mut Gadget<'_, CS>,
    from: &[Num; 2],
    to: &[Num; 2],
    share: &Num,
) -> [Num; 2] {
    [0, 1].map(|k| &from[k] + &g.mul(share, &(&to[k] - &from[k])))
}
