// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ICommonErrors} from "../interfaces/ICommonErrors.sol";
import {IMACI} from "../interfaces/IMACI.sol";
import {PublicKey} from "./Types.sol";

/// @title BabyJubJub, the twisted Edwards curve a x^2 + y^2 = 1 + d x^2 y^2 over BN254's scalar field
/// @notice What contracts have to know of a key. The curve is EIP-2494's; its group has order 8 l with l prime.
/// @dev a is a square and d is not, so the addition law holds for every pair of points.
library BabyJubJub {
    /// @dev The field's modulus r.
    uint256 internal constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    uint256 internal constant CURVE_A = 168700;
    uint256 internal constant CURVE_D = 168696;
    /// @dev Order l of the subgroup.
    uint256 internal constant ORDER = 2736030358979909402780800718157159386076813972158567259200215660948447373041;
    /// @dev The highest bit of l.
    uint256 private constant TOP_BIT = 1 << 250;

    /// @notice Reverts unless both coordinates are below r and the point is on the curve.
    function requireOnCurve(uint256 x, uint256 y) internal pure {
        if (x >= R || y >= R) revert ICommonErrors.KeyNotCanonical();
        uint256 x2 = mulmod(x, x, R);
        uint256 y2 = mulmod(y, y, R);
        uint256 left = addmod(mulmod(CURVE_A, x2, R), y2, R);
        uint256 right = addmod(1, mulmod(CURVE_D, mulmod(x2, y2, R), R), R);
        if (left != right) revert ICommonErrors.KeyNotOnCurve();
    }

    /// @notice Reverts unless the key is one that messages can be encrypted to and that a proof can be made for.
    function requireValidKey(PublicKey calldata key) internal pure {
        (uint256 x, uint256 y) = (key.x, key.y);
        requireOnCurve(x, y);
        if (x == 0) revert IMACI.KeyXIsZero();
        if (!_isInSubgroup(x, y)) revert IMACI.KeyNotInSubgroup();
    }

    /// @dev Whether l P is the neutral element (0, 1), for P on the curve. Double and add from the highest bit, in
    /// projective coordinates (Bernstein, Birkner, Joye, Lange, Peters, "Twisted Edwards Curves", section 6).
    function _isInSubgroup(uint256 x, uint256 y) private pure returns (bool) {
        uint256[3] memory point = [x, y, 1];
        for (uint256 bit = TOP_BIT >> 1; bit != 0; bit >>= 1) {
            _double(point);
            if (ORDER & bit != 0) _add(point, x, y);
        }
        return point[0] == 0 && point[1] == point[2];
    }

    /// @dev point = 2 point. With C = X^2, D = Y^2, E = a C, F = E + D, J = F - 2 Z^2:
    /// X' = 2 X Y J, Y' = F (E - D), Z' = F J.
    function _double(uint256[3] memory point) private pure {
        unchecked {
            (uint256 x, uint256 y) = (point[0], point[1]);
            uint256 d = mulmod(y, y, R);
            uint256 e = mulmod(CURVE_A, mulmod(x, x, R), R);
            uint256 z2 = mulmod(point[2], point[2], R);
            uint256 f = e + d;
            // Sums of a few elements below r < 2^254 stay below 2^256.
            uint256 j = f + 2 * (R - z2);
            point[0] = mulmod(mulmod(x + x, y, R), j, R);
            point[1] = mulmod(f, e + R - d, R);
            point[2] = mulmod(f, j, R);
        }
    }

    /// @dev point = point + (x, y). With B = Z^2, C = X x, D = Y y, E = d C D, F = B - E, G = B + E:
    /// X' = Z F (X y + Y x), Y' = Z G (D - a C), Z' = F G.
    function _add(uint256[3] memory point, uint256 x, uint256 y) private pure {
        unchecked {
            (uint256 px, uint256 py, uint256 pz) = (point[0], point[1], point[2]);
            uint256 b = mulmod(pz, pz, R);
            uint256 c = mulmod(px, x, R);
            uint256 d = mulmod(py, y, R);
            uint256 e = mulmod(CURVE_D, mulmod(c, d, R), R);
            uint256 f = b + R - e;
            uint256 g = b + e;
            uint256 cross = mulmod(px, y, R) + mulmod(py, x, R);
            point[0] = mulmod(mulmod(pz, f, R), cross, R);
            point[1] = mulmod(mulmod(pz, g, R), d + R - mulmod(CURVE_A, c, R), R);
            point[2] = mulmod(f, g, R);
        }
    }
}
