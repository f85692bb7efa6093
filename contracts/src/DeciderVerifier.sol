// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BN254_R, Bn254, G1Point, G2Point} from "./libraries/Bn254.sol";
import {ICommonErrors} from "./interfaces/ICommonErrors.sol";
import {StrictCalldata} from "./libraries/StrictCalldata.sol";
import {OptionResult} from "./libraries/Types.sol";

/// @notice The decider's verifying key. Groth16's gamma is the generator of G2 and so not part of it.
/// @dev No point may be infinity; beta, gammaPrime, delta, tau and the generator must have different x.
struct VerifyingKey {
    G1Point alpha;
    G2Point beta;
    /// Own trapdoor of the committed part of the witness.
    G2Point gammaPrime;
    G2Point delta;
    /// Constant term, then the bases of the public inputs c, e_v and e.
    G1Point[4] ic;
    /// [tau]_2 of the powers of tau.
    G2Point tau;
    /// Base of the blinding of commitments; nobody knows its logarithm.
    G1Point h;
}

/// @title Verifier of a poll's final proof
/// @notice Checks a Groth16 proof with a committed part of the witness together with one KZG opening of the
/// folded witness, in a single pairing product. One deployment serves one circuit shape and its key.
/// @dev The key is a constructor argument and lives in the code as immutables, so one compiled artifact
/// serves every key and no storage is read. r is the order of BN254's groups, q the prime of its base field.
contract DeciderVerifier {
    /// @notice More results than the shape has options.
    error TooManyOptions(uint256 given, uint256 max);
    /// @notice An element of z0 (index 0 to 7) or z (8 to 15) is not below r.
    error NonCanonicalState(uint256 index);
    /// @notice A word of the proof (0 to 21) is not below r (a scalar) or q (a coordinate).
    error NonCanonicalProof(uint256 index);
    /// @notice Votes of an option are not in the range of an int128, or spent credits not below 2^128.
    error ResultOutOfRange();
    /// @notice Every input is well-formed, the pairing equation does not hold.
    error ProofRejected();

    /// @dev Modulus of all scalars, and of the coordinates.
    uint256 internal constant R = BN254_R;
    uint256 internal constant Q = Bn254.Q;

    /// @dev Words of the proof.
    uint256 internal constant UC = 0;
    uint256 internal constant DN = 2;
    uint256 internal constant DR = 4;
    uint256 internal constant R1 = 6;
    uint256 internal constant R2 = 7;
    uint256 internal constant D = 8;
    uint256 internal constant PA = 10;
    uint256 internal constant PB = 12;
    uint256 internal constant PC = 16;
    uint256 internal constant E = 18;
    uint256 internal constant BLIND = 19;
    uint256 internal constant PI = 20;
    uint256 internal constant PROOF_WORDS = 22;
    /// @dev Bit i is set where word i of the proof is a scalar and not a coordinate.
    uint256 internal constant SCALARS = (1 << R1) | (1 << R2) | (1 << E) | (1 << BLIND);

    /// @dev Elements of z0, and of z.
    uint256 internal constant ARITY = 8;
    /// @dev Elements of v before the results.
    uint256 internal constant FIXED_ELEMENTS = 27;
    /// @dev Words of the transcript before v: domain, D.x, D.y.
    uint256 internal constant PREFIX = 3;
    /// @dev Words of calldata before the elements of `results`: domain, z0, z, offset, proof, length.
    uint256 internal constant CALLDATA_WORDS = 1 + 2 * ARITY + 1 + PROOF_WORDS + 1;

    /// @dev Coordinates are split at this bit, so that both high parts share one element.
    uint256 internal constant LIMB_BITS = 170;
    uint256 internal constant LIMB_MASK = (1 << LIMB_BITS) - 1;
    uint256 internal constant HIGH_BITS = 85;

    /// @notice Options of the shape: 5^voteDepth.
    uint256 public immutable MAX_OPTIONS;
    /// @notice Whether somebody may know the trapdoors of the key: accepted proofs then prove nothing.
    bool public immutable DEVELOPMENT;

    uint256 private immutable ALPHA_X;
    uint256 private immutable ALPHA_Y;
    uint256 private immutable BETA_X1;
    uint256 private immutable BETA_X0;
    uint256 private immutable BETA_Y1;
    uint256 private immutable BETA_Y0;
    uint256 private immutable GAMMA_PRIME_X1;
    uint256 private immutable GAMMA_PRIME_X0;
    uint256 private immutable GAMMA_PRIME_Y1;
    uint256 private immutable GAMMA_PRIME_Y0;
    uint256 private immutable DELTA_X1;
    uint256 private immutable DELTA_X0;
    uint256 private immutable DELTA_Y1;
    uint256 private immutable DELTA_Y0;
    uint256 private immutable IC0_X;
    uint256 private immutable IC0_Y;
    uint256 private immutable IC1_X;
    uint256 private immutable IC1_Y;
    uint256 private immutable IC2_X;
    uint256 private immutable IC2_Y;
    uint256 private immutable IC3_X;
    uint256 private immutable IC3_Y;
    uint256 private immutable TAU_X1;
    uint256 private immutable TAU_X0;
    uint256 private immutable TAU_Y1;
    uint256 private immutable TAU_Y0;
    uint256 private immutable H_X;
    uint256 private immutable H_Y;

    /// @param key The verifying key; refused unless every point is in its group and none is infinity.
    /// @param maxOptions Options of the shape, 5^voteDepth.
    /// @param development Whether the key was made without a ceremony.
    constructor(VerifyingKey memory key, uint256 maxOptions, bool development) {
        _checkKey(key);
        MAX_OPTIONS = maxOptions;
        DEVELOPMENT = development;
        ALPHA_X = key.alpha.x;
        ALPHA_Y = key.alpha.y;
        BETA_X1 = key.beta.x1;
        BETA_X0 = key.beta.x0;
        BETA_Y1 = key.beta.y1;
        BETA_Y0 = key.beta.y0;
        GAMMA_PRIME_X1 = key.gammaPrime.x1;
        GAMMA_PRIME_X0 = key.gammaPrime.x0;
        GAMMA_PRIME_Y1 = key.gammaPrime.y1;
        GAMMA_PRIME_Y0 = key.gammaPrime.y0;
        DELTA_X1 = key.delta.x1;
        DELTA_X0 = key.delta.x0;
        DELTA_Y1 = key.delta.y1;
        DELTA_Y0 = key.delta.y0;
        IC0_X = key.ic[0].x;
        IC0_Y = key.ic[0].y;
        IC1_X = key.ic[1].x;
        IC1_Y = key.ic[1].y;
        IC2_X = key.ic[2].x;
        IC2_Y = key.ic[2].y;
        IC3_X = key.ic[3].x;
        IC3_Y = key.ic[3].y;
        TAU_X1 = key.tau.x1;
        TAU_X0 = key.tau.x0;
        TAU_Y1 = key.tau.y1;
        TAU_Y0 = key.tau.y0;
        H_X = key.h.x;
        H_Y = key.h.y;
    }

    /// @notice Returns if the proof shows that a poll that started in `z0` ended in `z` with `results`.
    /// Reverts with the error of the first failed check otherwise.
    /// @dev Only the one canonical encoding of the arguments is accepted. Nothing is written.
    /// @param domain Binds the proof to its chain, poll and verifier; the caller computes it, any value is accepted.
    /// @param z0 The first state, elements below r; or a link to it, and seven zeros. Element 2 of a state, the next voter's
    /// index, is not 0: a caller that states states makes sure of it.
    /// @param z The last state, elements below r; or a link to it, and seven zeros. Nothing is said of what is behind a link
    /// but that steps lead there: the results are then proven to be zeros, or left out.
    /// @param results Votes (at least -2^127, below 2^127) and spent credits (below 2^128) of the first options; at most
    /// MAX_OPTIONS. Options that are left out are proven to have received nothing and cost nothing.
    /// @param proof UC(2) DN(2) DR(2) r1 r2 D(2) pA(2) pB(4: x.c1 x.c0 y.c1 y.c0) pC(2) e b pi(2): points with
    /// coordinates below q, (0, 0) being infinity, and the scalars r1, r2, e, b below r. UC is the commitment to the
    /// witness folded before the last step, DN that to the last step's witness less UC, and DR that to a random
    /// witness less UC + r1 * DN.
    function verify(
        bytes32 domain,
        uint256[8] calldata z0,
        uint256[8] calldata z,
        OptionResult[] calldata results,
        uint256[22] calldata proof
    ) external view {
        _checkEncoding(results);
        _checkProofWords(proof);
        uint256[] memory transcript = _transcript(domain, z0, z, results, proof);
        uint256 c = _challenge(transcript);
        uint256 ev = _evaluate(transcript, c);
        uint256 t = _batchChallenge(c, proof);
        if (!_pairingHolds(c, ev, t, proof)) revert ProofRejected();
    }

    /// @notice The verifying key that this contract was made with.
    function verifyingKey() external view returns (VerifyingKey memory key) {
        key.alpha = G1Point(ALPHA_X, ALPHA_Y);
        key.beta = G2Point(BETA_X1, BETA_X0, BETA_Y1, BETA_Y0);
        key.gammaPrime = G2Point(GAMMA_PRIME_X1, GAMMA_PRIME_X0, GAMMA_PRIME_Y1, GAMMA_PRIME_Y0);
        key.delta = G2Point(DELTA_X1, DELTA_X0, DELTA_Y1, DELTA_Y0);
        key.ic[0] = G1Point(IC0_X, IC0_Y);
        key.ic[1] = G1Point(IC1_X, IC1_Y);
        key.ic[2] = G1Point(IC2_X, IC2_Y);
        key.ic[3] = G1Point(IC3_X, IC3_Y);
        key.tau = G2Point(TAU_X1, TAU_X0, TAU_Y1, TAU_Y0);
        key.h = G1Point(H_X, H_Y);
    }

    /// @dev The ABI decoder accepts trailing bytes and any offset; this does not. One statement has one encoding.
    function _checkEncoding(OptionResult[] calldata results) private view {
        uint256 n = results.length;
        if (n > MAX_OPTIONS) revert TooManyOptions(n, MAX_OPTIONS);
        uint256 start;
        assembly ("memory-safe") {
            start := results.offset
        }
        uint256 head = 4 + 32 * CALLDATA_WORDS;
        if (start != head || msg.data.length != head + 64 * n) revert ICommonErrors.MalformedCalldata();
    }

    /// @dev Scalars below r, coordinates below q. That points are on their curves is left to the precompiles.
    function _checkProofWords(uint256[22] calldata proof) internal pure {
        uint256 q = Q;
        bool valid;
        assembly ("memory-safe") {
            // r is below q: all words against q, two each time, then the scalars against r, which lie in pairs.
            let scalars := add(proof, shl(5, R1))
            valid := and(lt(calldataload(scalars), R), lt(calldataload(add(scalars, 0x20)), R))
            scalars := add(proof, shl(5, E))
            valid := and(valid, and(lt(calldataload(scalars), R), lt(calldataload(add(scalars, 0x20)), R)))
            let end := add(proof, shl(5, PROOF_WORDS))
            for { let next := proof } lt(next, end) { next := add(next, 0x40) } {
                valid := and(valid, and(lt(calldataload(next), q), lt(calldataload(add(next, 0x20)), q)))
            }
        }
        if (!valid) _revertWithWord(proof);
    }

    /// @dev Reverts with the first word that is not canonical: only refusals pay for the search.
    function _revertWithWord(uint256[22] calldata proof) private pure {
        for (uint256 i = 0; i < PROOF_WORDS; ++i) {
            if (proof[i] >= ((SCALARS >> i) & 1 == 1 ? R : Q)) revert NonCanonicalProof(i);
        }
    }

    /// @dev The words that the challenge is the hash of: domain, D.x, D.y, then v with its 27 + 2n elements.
    function _transcript(
        bytes32 domain,
        uint256[8] calldata z0,
        uint256[8] calldata z,
        OptionResult[] calldata results,
        uint256[22] calldata proof
    ) internal pure returns (uint256[] memory words) {
        words = new uint256[](PREFIX + FIXED_ELEMENTS + 2 * results.length);
        _set(words, 0, uint256(domain));
        _set(words, 1, proof[D]);
        _set(words, 2, proof[D + 1]);
        _setStates(words, z0, z);
        _set(words, 19, proof[R1]);
        _set(words, 20, proof[R2]);
        _setPoint(words, 21, proof[UC], proof[UC + 1]);
        _setPoint(words, 24, proof[DN], proof[DN + 1]);
        _setPoint(words, 27, proof[DR], proof[DR + 1]);
        _setResults(words, results);
    }

    /// @dev words[3..19] = z0, z.
    function _setStates(uint256[] memory words, uint256[8] calldata z0, uint256[8] calldata z) private pure {
        assembly ("memory-safe") {
            // The transcript has at least 30 words.
            calldatacopy(add(words, 0x80), z0, 0x100)
            calldatacopy(add(words, 0x180), z, 0x100)
        }
        for (uint256 i = 0; i < 2 * ARITY; ++i) {
            if (_get(words, PREFIX + i) >= R) revert NonCanonicalState(i);
        }
    }

    /// @dev A point's three elements, each below r: two low limbs, then both high limbs.
    function _setPoint(uint256[] memory words, uint256 i, uint256 x, uint256 y) private pure {
        unchecked {
            _set(words, i, x & LIMB_MASK);
            _set(words, i + 1, y & LIMB_MASK);
            _set(words, i + 2, (x >> LIMB_BITS) | ((y >> LIMB_BITS) << HIGH_BITS));
        }
    }

    /// @dev words[30..] = votes and spent of each option, votes below 0 as r - |votes|, which is what the tally's leaves
    /// hold. Copies the raw words instead of reading the fields, whose decoder would revert without a reason.
    function _setResults(uint256[] memory words, OptionResult[] calldata results) private pure {
        uint256 start = PREFIX + FIXED_ELEMENTS;
        uint256 wrong;
        assembly ("memory-safe") {
            // The caller allocated 2 * results.length words from this index on.
            let next := add(words, shl(5, add(start, 1)))
            let size := shl(6, results.length)
            calldatacopy(next, results.offset, size)
            for { let end := add(next, size) } lt(next, end) { next := add(next, 0x40) } {
                let votes := mload(next)
                wrong := or(wrong, or(xor(votes, signextend(15, votes)), shr(128, mload(add(next, 0x20)))))
                // Modulo 2^256, R + votes is R - |votes|, below R.
                if slt(votes, 0) { mstore(next, add(R, votes)) }
            }
        }
        if (wrong != 0) revert ResultOutOfRange();
    }

    /// @dev words[i] = word without the bounds check, which would cost more than the rest; i < words.length.
    function _set(uint256[] memory words, uint256 i, uint256 word) private pure {
        assembly ("memory-safe") {
            mstore(add(words, shl(5, add(i, 1))), word)
        }
    }

    /// @dev words[i] without the bounds check; i < words.length.
    function _get(uint256[] memory words, uint256 i) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(words, shl(5, add(i, 1))))
        }
    }

    /// @dev c = keccak256(domain || D || v) mod r. The length of v fixes the number of results.
    function _challenge(uint256[] memory transcript) internal pure returns (uint256 c) {
        assembly ("memory-safe") {
            c := mod(keccak256(add(transcript, 0x20), shl(5, mload(transcript))), R)
        }
    }

    /// @dev e_v = sum of v_j * c^j modulo r, by Horner's rule from the last element to the first.
    /// Every element is below r < 2^254 (states, scalars, limbs, and results as `_setResults` maps them), so the plain
    /// sums stay below 2^256 and only products are reduced.
    function _evaluate(uint256[] memory transcript, uint256 c) internal pure returns (uint256 ev) {
        assembly ("memory-safe") {
            // v has an odd number of elements: two each time, then v_0, which no other element is before.
            let first := add(transcript, shl(5, add(PREFIX, 1)))
            let second := add(first, 0x20)
            let next := add(transcript, shl(5, add(mload(transcript), 1)))
            for {} gt(next, second) {} {
                next := sub(next, 0x40)
                ev := add(mulmod(ev, c, R), mload(add(next, 0x20)))
                ev := add(mulmod(ev, c, R), mload(next))
            }
            ev := addmod(mulmod(ev, c, R), mload(first), R)
        }
    }

    /// @dev t = keccak256(c || e || b || pA || pB || pC || pi) mod r separates the two equations. c binds the rest.
    function _batchChallenge(uint256 c, uint256[22] calldata proof) internal pure returns (uint256 t) {
        uint256[13] memory words;
        words[0] = c;
        words[1] = proof[E];
        words[2] = proof[BLIND];
        words[11] = proof[PI];
        words[12] = proof[PI + 1];
        assembly ("memory-safe") {
            // The eight words of pA, pB and pC lie side by side.
            calldatacopy(add(words, 0x60), add(proof, shl(5, PA)), 0x100)
            t := mod(keccak256(words, 0x1a0), R)
        }
    }

    /// @dev K = UC + r1 * DN + r2 * DR - b * h - e * G + c * pi.
    /// Every one of UC, DN, DR, pi enters ecAdd or ecMul, which refuse what is not on the curve.
    function _opening(uint256 c, uint256[22] calldata proof) private view returns (uint256 x, uint256 y) {
        uint256[5] memory sum;
        (sum[0], sum[1]) = (proof[UC], proof[UC + 1]);
        Bn254.addMul(sum, proof[DN], proof[DN + 1], proof[R1]);
        Bn254.addMul(sum, proof[DR], proof[DR + 1], proof[R2]);
        Bn254.addMul(sum, H_X, H_Y, R - proof[BLIND]);
        Bn254.addMul(sum, 1, 2, R - proof[E]);
        Bn254.addMul(sum, proof[PI], proof[PI + 1], c);
        (x, y) = (sum[0], sum[1]);
    }

    /// @dev IC(c, e_v, e) + t * K.
    function _paired(uint256 c, uint256 ev, uint256 t, uint256[22] calldata proof)
        private
        view
        returns (uint256, uint256)
    {
        (uint256 x, uint256 y) = _opening(c, proof);
        uint256[5] memory sum;
        (sum[0], sum[1]) = (IC0_X, IC0_Y);
        Bn254.addMul(sum, IC1_X, IC1_Y, c);
        Bn254.addMul(sum, IC2_X, IC2_Y, ev);
        Bn254.addMul(sum, IC3_X, IC3_Y, proof[E]);
        Bn254.addMul(sum, x, y, t);
        return (sum[0], sum[1]);
    }

    /// @dev e(-pA, pB) e(alpha, beta) e(IC + t * K, [1]_2) e(D, gamma') e(pC, delta) e(-t * pi, tau) = 1.
    function _pairingHolds(uint256 c, uint256 ev, uint256 t, uint256[22] calldata proof) private view returns (bool) {
        uint256[36] memory pairs;
        pairs[0] = proof[PA];
        pairs[1] = Bn254.negated(proof[PA + 1]);
        (pairs[2], pairs[3], pairs[4], pairs[5]) = (proof[PB], proof[PB + 1], proof[PB + 2], proof[PB + 3]);
        (pairs[6], pairs[7]) = (ALPHA_X, ALPHA_Y);
        (pairs[8], pairs[9], pairs[10], pairs[11]) = (BETA_X1, BETA_X0, BETA_Y1, BETA_Y0);
        (pairs[12], pairs[13]) = _paired(c, ev, t, proof);
        (pairs[14], pairs[15], pairs[16], pairs[17]) = (Bn254.G2_X1, Bn254.G2_X0, Bn254.G2_Y1, Bn254.G2_Y0);
        (pairs[18], pairs[19]) = (proof[D], proof[D + 1]);
        (pairs[20], pairs[21], pairs[22], pairs[23]) =
            (GAMMA_PRIME_X1, GAMMA_PRIME_X0, GAMMA_PRIME_Y1, GAMMA_PRIME_Y0);
        (pairs[24], pairs[25]) = (proof[PC], proof[PC + 1]);
        (pairs[26], pairs[27], pairs[28], pairs[29]) = (DELTA_X1, DELTA_X0, DELTA_Y1, DELTA_Y0);
        (pairs[30], pairs[31]) = Bn254.mul(proof[PI], proof[PI + 1], R - t);
        (pairs[32], pairs[33], pairs[34], pairs[35]) = (TAU_X1, TAU_X0, TAU_Y1, TAU_Y0);

        uint256 first;
        assembly ("memory-safe") {
            first := pairs
        }
        return Bn254.pairingHolds(first, 36);
    }

    /// @dev Refuses points that are not in their groups, infinity, and shared trapdoors.
    function _checkKey(VerifyingKey memory key) private view {
        G1Point[] memory g1 = new G1Point[](6);
        (g1[0], g1[1], g1[2], g1[3], g1[4], g1[5]) = (key.alpha, key.ic[0], key.ic[1], key.ic[2], key.ic[3], key.h);
        G2Point[] memory g2 = new G2Point[](5);
        (g2[0], g2[1], g2[2], g2[3]) = (key.beta, key.gammaPrime, key.delta, key.tau);
        g2[4] = G2Point(Bn254.G2_X1, Bn254.G2_X0, Bn254.G2_Y1, Bn254.G2_Y0);
        Bn254.requireKey(g1, g2);
    }
}
