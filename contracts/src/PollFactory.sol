// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Poll, PollSetup} from "./Poll.sol";
import {StrictCalldata} from "./libraries/StrictCalldata.sol";
import {PollSettings} from "./libraries/Types.sol";

/// @title Makes polls
/// @notice Holds the code of a poll, which MACI's own has no room for.
contract PollFactory {
    /// @notice Deploys a poll of the MACI that calls. Anybody can call this, and gets a poll that asks them for roots;
    /// a poll counts as one of a MACI if that MACI says so.
    /// @param setup What MACI decides.
    /// @param settings What the owner decided, checked by MACI.
    function deploy(PollSetup calldata setup, PollSettings calldata settings) external returns (Poll) {
        StrictCalldata.requireStatic(25);
        return new Poll(msg.sender, setup, settings);
    }
}
