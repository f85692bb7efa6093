// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IVoiceCreditProxy} from "../interfaces/IVoiceCreditProxy.sol";
import {InitialVoiceCreditProxy} from "./InitialVoiceCreditProxy.sol";

/// @title The same credits for everybody
contract ConstantInitialVoiceCreditProxy is InitialVoiceCreditProxy {
    /// @notice No poll takes 2^32 credits or more.
    /// @param credits What everybody would get.
    error CreditsOutOfRange(uint256 credits);
    /// @notice Nothing has to be said to get these credits.
    error UnexpectedCreditData();

    /// @notice What everybody gets.
    uint256 public immutable CREDITS;

    /// @param credits Below 2^32.
    constructor(uint256 credits) {
        if (credits > MAX_CREDITS) revert CreditsOutOfRange(credits);
        CREDITS = credits;
    }

    /// @inheritdoc IVoiceCreditProxy
    function getVoiceCredits(address, bytes calldata data) external view override returns (uint256) {
        if (data.length != 0) revert UnexpectedCreditData();
        return CREDITS;
    }
}
