// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Bn254, G1Point, G2Point} from "./libraries/Bn254.sol";
import {StrictCalldata} from "./libraries/StrictCalldata.sol";

/// @notice The verifying key of a circuit with four public inputs.
/// @dev No point may be infinity; beta, gamma and delta must have different x.
struct Groth16VerifyingKey {
    G1Point alpha;
    G2Point beta;
    G2Point gamma;
    G2Point delta;
    /// Constant term, then the bases of the public inputs in their order.
    G1Point[5] ic;
}

/// @title Verifier of Groth16 proofs of a circuit with four public inputs
/// @dev The key is a constructor argument and lives in the code as immutables; no storage is read.
abstract contract Groth16Verifier {
    /// @notice An input, 0 to 3, is not below r.
    error NonCanonicalInput(uint256 index);
    /// @notice A word of the proof (0 to 7) is not below q.
    error NonCanonicalProof(uint256 index);
    /// @notice Every input is well-formed, the pairing equation does not hold.
    error ProofRejected();

    /// @notice Whether somebody may know the trapdoors of the key: accepted proofs then prove nothing.
    bool public immutable DEVELOPMENT;

    uint256 private immutable ALPHA_X;
    uint256 private immutable ALPHA_Y;
    uint256 private immutable BETA_X1;
    uint256 private immutable BETA_X0;
    uint256 private immutable BETA_Y1;
    uint256 private immutable BETA_Y0;
    uint256 private immutable GAMMA_X1;
    uint256 private immutable GAMMA_X0;
    uint256 private immutable GAMMA_Y1;
    uint256 private immutable GAMMA_Y0;
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
    uint256 private immutable IC4_X;
    uint256 private immutable IC4_Y;

    /// @param key The verifying key; refused unless every point is in its group and none is infinity.
    /// @param development Whether the key was made without a ceremony.
    constructor(Groth16VerifyingKey memory key, bool development) {
        _checkKey(key);
        DEVELOPMENT = development;
        ALPHA_X = key.alpha.x;
        ALPHA_Y = key.alpha.y;
        BETA_X1 = key.beta.x1;
        BETA_X0 = key.beta.x0;
        BETA_Y1 = key.beta.y1;
        BETA_Y0 = key.beta.y0;
        GAMMA_X1 = key.gamma.x1;
        GAMMA_X0 = key.gamma.x0;
        GAMMA_Y1 = key.gamma.y1;
        GAMMA_Y0 = key.gamma.y0;
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
        IC4_X = key.ic[4].x;
        IC4_Y = key.ic[4].y;
    }

    /// @notice Returns if the proof is one for these inputs, reverts otherwise.
    /// @param inputs The public inputs, each below r.
    /// @param proof A.x A.y B.x.c1 B.x.c0 B.y.c1 B.y.c0 C.x C.y, coordinates below q, (0, 0) being infinity.
    function verify(uint256[4] calldata inputs, uint256[8] calldata proof) external view {
        StrictCalldata.requireStatic(12);
        for (uint256 i = 0; i < 4; ++i) {
            if (inputs[i] >= Bn254.R) revert NonCanonicalInput(i);
        }
        for (uint256 i = 0; i < 8; ++i) {
            if (proof[i] >= Bn254.Q) revert NonCanonicalProof(i);
        }
        if (!_pairingHolds(inputs, proof)) revert ProofRejected();
    }

    /// @notice The verifying key that this contract was made with.
    function verifyingKey() external view returns (Groth16VerifyingKey memory key) {
        key.alpha = G1Point(ALPHA_X, ALPHA_Y);
        key.beta = G2Point(BETA_X1, BETA_X0, BETA_Y1, BETA_Y0);
        key.gamma = G2Point(GAMMA_X1, GAMMA_X0, GAMMA_Y1, GAMMA_Y0);
        key.delta = G2Point(DELTA_X1, DELTA_X0, DELTA_Y1, DELTA_Y0);
        key.ic[0] = G1Point(IC0_X, IC0_Y);
        key.ic[1] = G1Point(IC1_X, IC1_Y);
        key.ic[2] = G1Point(IC2_X, IC2_Y);
        key.ic[3] = G1Point(IC3_X, IC3_Y);
        key.ic[4] = G1Point(IC4_X, IC4_Y);
    }

    /// @dev IC(inputs) = ic[0] + sum of inputs[i] * ic[i + 1].
    function _combined(uint256[4] calldata inputs) private view returns (uint256, uint256) {
        uint256[5] memory sum;
        (sum[0], sum[1]) = (IC0_X, IC0_Y);
        Bn254.addMul(sum, IC1_X, IC1_Y, inputs[0]);
        Bn254.addMul(sum, IC2_X, IC2_Y, inputs[1]);
        Bn254.addMul(sum, IC3_X, IC3_Y, inputs[2]);
        Bn254.addMul(sum, IC4_X, IC4_Y, inputs[3]);
        return (sum[0], sum[1]);
    }

    /// @dev e(-A, B) e(alpha, beta) e(IC(inputs), gamma) e(C, delta) = 1.
    function _pairingHolds(uint256[4] calldata inputs, uint256[8] calldata proof) private view returns (bool) {
        uint256[24] memory pairs;
        pairs[0] = proof[0];
        pairs[1] = Bn254.negated(proof[1]);
        (pairs[2], pairs[3], pairs[4], pairs[5]) = (proof[2], proof[3], proof[4], proof[5]);
        (pairs[6], pairs[7]) = (ALPHA_X, ALPHA_Y);
        (pairs[8], pairs[9], pairs[10], pairs[11]) = (BETA_X1, BETA_X0, BETA_Y1, BETA_Y0);
        (pairs[12], pairs[13]) = _combined(inputs);
        (pairs[14], pairs[15], pairs[16], pairs[17]) = (GAMMA_X1, GAMMA_X0, GAMMA_Y1, GAMMA_Y0);
        (pairs[18], pairs[19]) = (proof[6], proof[7]);
        (pairs[20], pairs[21], pairs[22], pairs[23]) = (DELTA_X1, DELTA_X0, DELTA_Y1, DELTA_Y0);

        uint256 first;
        assembly ("memory-safe") {
            first := pairs
        }
        return Bn254.pairingHolds(first, 24);
    }

    /// @dev Refuses points that are not in their groups, infinity, and shared trapdoors.
    function _checkKey(Groth16VerifyingKey memory key) private view {
        G1Point[] memory g1 = new G1Point[](6);
        (g1[0], g1[1], g1[2], g1[3], g1[4], g1[5]) =
            (key.alpha, key.ic[0], key.ic[1], key.ic[2], key.ic[3], key.ic[4]);
        G2Point[] memory g2 = new G2Point[](3);
        (g2[0], g2[1], g2[2]) = (key.beta, key.gamma, key.delta);
        Bn254.requireKey(g1, g2);
    }
}
