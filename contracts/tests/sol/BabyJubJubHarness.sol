// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BabyJubJub} from "src/libraries/BabyJubJub.sol";
import {PublicKey} from "src/libraries/Types.sol";

/// @title The library's checks in the open, for tests only
contract BabyJubJubHarness {
    function requireOnCurve(PublicKey calldata key) external pure {
        BabyJubJub.requireOnCurve(key.x, key.y);
    }

    function requireValidKey(PublicKey calldata key) external pure {
        BabyJubJub.requireValidKey(key);
    }
}
