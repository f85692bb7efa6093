// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice A point of BN254's G1: coordinates below q, (0, 0) is infinity.
struct G1Point {
    uint256 x;
    uint256 y;
}

/// @notice A point of BN254's G2 in the order of the pairing precompile: x = x1 * i + x0, all below q.
struct G2Point {
    uint256 x1;
    uint256 x0;
    uint256 y1;
    uint256 y0;
}

/// @dev Order of the groups, modulus of all scalars. Not in the library: assembly in a contract takes
/// no constant of another one.
uint256 constant BN254_R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

/// @title BN254's groups and pairing, and what verifying keys have to keep
library Bn254 {
    /// @notice A precompile refused a point: it is not on its curve, or not in the subgroup.
    /// @dev A refusing precompile consumes the gas that it was given: all but a 64th of what was left.
    error InvalidPoint();
    /// @notice A point of the verifying key is not canonical, not in its group, or infinity.
    error InvalidKey();
    /// @notice Two points of G2 that must have independent trapdoors are the same up to sign.
    error DegenerateKey();

    uint256 internal constant R = BN254_R;
    /// @dev Modulus of the coordinates.
    uint256 internal constant Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;

    /// @dev The generator of G1 is (1, 2); this is the generator of G2.
    uint256 internal constant G2_X1 = 11559732032986387107991004021392285783925812861821192530917403151452391805634;
    uint256 internal constant G2_X0 = 10857046999023057135944570762232829481370756359578518086990519993285655852781;
    uint256 internal constant G2_Y1 = 4082367875863433681332203403145435568316851327593401208105741076214120093531;
    uint256 internal constant G2_Y0 = 8495653923123431417604973247489272438418190587263600148770280649306958101930;

    /// @dev Words of a pair of points.
    uint256 private constant PAIR_WORDS = 6;

    /// @dev y of -(x, y), for y below q. Infinity is its own negative: q - 0 would not be canonical.
    function negated(uint256 y) internal pure returns (uint256) {
        return y == 0 ? 0 : Q - y;
    }

    /// @dev (sum[0], sum[1]) += scalar * (x, y). sum[2..5] is the precompiles' input and holds nothing between calls.
    /// The sum itself is checked here too: ecAdd refuses both of its arguments when they are not on the curve.
    function addMul(uint256[5] memory sum, uint256 x, uint256 y, uint256 scalar) internal view {
        bool ok;
        assembly ("memory-safe") {
            let product := add(sum, 0x40)
            mstore(product, x)
            mstore(add(product, 0x20), y)
            mstore(add(product, 0x40), scalar)
            ok := staticcall(gas(), 7, product, 0x60, product, 0x40)
            // A chain without the precompile answers with success and no data.
            ok := and(ok, eq(returndatasize(), 0x40))
            if ok {
                ok := staticcall(gas(), 6, sum, 0x80, sum, 0x40)
                ok := and(ok, eq(returndatasize(), 0x40))
            }
        }
        if (!ok) revert InvalidPoint();
    }

    /// @dev scalar * (x, y), without the addition to infinity that `addMul` would make.
    function mul(uint256 x, uint256 y, uint256 scalar) internal view returns (uint256, uint256) {
        uint256[3] memory product = [x, y, scalar];
        bool ok;
        assembly ("memory-safe") {
            ok := staticcall(gas(), 7, product, 0x60, product, 0x40)
            ok := and(ok, eq(returndatasize(), 0x40))
        }
        if (!ok) revert InvalidPoint();
        return (product[0], product[1]);
    }

    /// @dev Whether the product of a proof's pairs is one; reverts if a point is not in its group.
    function pairingHolds(uint256 pairs, uint256 words) internal view returns (bool) {
        (bool valid, bool holds) = _pairing(pairs, words);
        if (!valid) revert InvalidPoint();
        return holds;
    }

    /// @dev A key that a careless setup made would accept anything, so the obvious cases are refused: points that are
    /// not in their groups, infinity, and points of G2 that lack a trapdoor of their own.
    function requireKey(G1Point[] memory g1, G2Point[] memory g2) internal view {
        uint256 count = g1.length > g2.length ? g1.length : g2.length;
        uint256[] memory pairs = new uint256[](PAIR_WORDS * count);
        // One product checks all of them: the precompile refuses what is not canonical or not in its group.
        for (uint256 i = 0; i < count; ++i) {
            G1Point memory p = g1[i % g1.length];
            G2Point memory q = g2[i % g2.length];
            if (p.x == 0 && p.y == 0) revert InvalidKey();
            if (q.x1 == 0 && q.x0 == 0 && q.y1 == 0 && q.y0 == 0) revert InvalidKey();
            uint256 k = PAIR_WORDS * i;
            (pairs[k], pairs[k + 1]) = (p.x, p.y);
            (pairs[k + 2], pairs[k + 3], pairs[k + 4], pairs[k + 5]) = (q.x1, q.x0, q.y1, q.y0);
        }
        uint256 first;
        assembly ("memory-safe") {
            first := add(pairs, 0x20)
        }
        (bool valid,) = _pairing(first, pairs.length);
        if (!valid) revert InvalidKey();
        // Without an own trapdoor behind each of them, parts of a proof could be moved from one to another.
        for (uint256 i = 0; i < g2.length; ++i) {
            for (uint256 j = 0; j < i; ++j) {
                if (g2[i].x1 == g2[j].x1 && g2[i].x0 == g2[j].x0) revert DegenerateKey();
            }
        }
    }

    /// @dev The pairing product of the `words / 6` pairs at the memory address `pairs`. `valid` tells whether every
    /// point is in its group, `holds` whether the product is one.
    function _pairing(uint256 pairs, uint256 words) private view returns (bool valid, bool holds) {
        assembly ("memory-safe") {
            valid := staticcall(gas(), 8, pairs, shl(5, words), 0x00, 0x20)
            valid := and(valid, eq(returndatasize(), 0x20))
            holds := and(valid, eq(mload(0x00), 1))
        }
    }
}
