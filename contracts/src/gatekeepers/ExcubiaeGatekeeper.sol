// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SignUpGatekeeper} from "./SignUpGatekeeper.sol";

/// @notice What the adapter calls of a policy: parts of `IBasePolicy` and `Policy` in @excubiae/contracts.
interface IExcubiaePolicy {
    /// @notice Returns if the subject fulfils the policy, and remembers what must not be used twice. Reverts
    /// otherwise, and if anybody but the target calls.
    /// @param subject Who has to fulfil it.
    /// @param evidence What the policy's checker wants to see.
    function enforce(address subject, bytes calldata evidence) external;

    /// @notice The policy's target, which its owner has set once with `setTarget`.
    /// @return Its address, zero before it is set.
    function guarded() external view returns (address);
}

/// @title Lets in whom a policy of Excubiae lets in
/// @notice For policies that take one check (`IBasePolicy`): all of those that MACI v3 signs people up with.
///
/// The policy's target has to be THIS CONTRACT, not MACI. It can be set once, so a policy that guards something else
/// is of no use here. `setMaci` refuses until it is set, so a MACI whose gatekeeper serves it has a policy that does.
///
/// The subject is who sends the transaction to MACI. Nobody can sign up for somebody else, and an account that is
/// sponsored has to be the sender itself, as with ERC-4337 or EIP-7702; a relayer would be the subject.
///
/// What a sign-up is worth is up to the policy. One that reads what an account has NOW (`ERC20Policy`, and hats or
/// scores that can be moved) lets one pile of tokens sign up one address after the other: use a snapshot
/// (`ERC20VotesPolicy`), or something that is used up (`TokenPolicy`).
contract ExcubiaeGatekeeper is SignUpGatekeeper {
    /// @notice There is no contract at the policy's address.
    /// @param account The address.
    error NoContract(address account);
    /// @notice The policy has another target, or none yet.
    /// @param guarded Its target.
    error PolicyGuardsAnother(address guarded);

    /// @notice The policy.
    IExcubiaePolicy public immutable POLICY;

    /// @param owner Who names the MACI.
    /// @param policy The policy, whose owner then has to call `setTarget` with this contract.
    constructor(address owner, IExcubiaePolicy policy) SignUpGatekeeper(owner) {
        if (address(policy).code.length == 0) revert NoContract(address(policy));
        POLICY = policy;
    }

    /// @notice Whether the policy's target is this contract. If it is not, nobody can sign up.
    function isGuarded() external view returns (bool) {
        return POLICY.guarded() == address(this);
    }

    function _requireReady() internal view override {
        address guarded = POLICY.guarded();
        if (guarded != address(this)) revert PolicyGuardsAnother(guarded);
    }

    function _register(address user, bytes calldata data) internal override {
        POLICY.enforce(user, data);
    }
}
