// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {PoseidonT4} from "poseidon-solidity/PoseidonT4.sol";
import {PoseidonT5} from "poseidon-solidity/PoseidonT5.sol";
import {PoseidonT6} from "poseidon-solidity/PoseidonT6.sol";
import {BundleVerifier} from "./BundleVerifier.sol";
import {DeciderVerifier} from "./DeciderVerifier.sol";
import {JoinVerifier} from "./JoinVerifier.sol";
import {IMACI} from "./interfaces/IMACI.sol";
import {IPoll} from "./interfaces/IPoll.sol";
import {Anchors} from "./libraries/Anchors.sol";
import {BabyJubJub} from "./libraries/BabyJubJub.sol";
import {Bundles} from "./libraries/Bundles.sol";
import {Arguments, PollArguments} from "./libraries/PollArguments.sol";
import {Results} from "./libraries/Results.sol";
import {StrictCalldata} from "./libraries/StrictCalldata.sol";
import {OptionResult, PollInfo, PollState, PublicKey} from "./libraries/Types.sol";

/// @notice What MACI decides about a poll.
struct PollSetup {
    address owner;
    /// Below 2^50.
    uint64 pollId;
    JoinVerifier joinVerifier;
    BundleVerifier bundleVerifier;
    DeciderVerifier verifier;
    uint256 emptyStateRoot;
    uint256 emptyTallyRoot;
}

/// @title A poll
/// @notice Voters join under fresh keys, anybody publishes encrypted messages and top-ups, and one proof after the
/// end settles the count. The contract keeps two hash chains, of joins and of messages; the trees are in the proof.
/// @dev Nothing about a poll can be changed. Digests are always made from what an event shows. Polls are clones of one
/// deployment, which is no poll itself; what a poll was made with is in its own code. No code runs when a clone is made,
/// so all that is stored starts with 0.
contract Poll is IPoll, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev Modulus of all elements.
    uint256 internal constant R = BabyJubJub.R;
    /// @dev Start of both chains: keccak256("Maci") mod r.
    uint256 internal constant ZERO = 8370432830353022751713833565135785980866757267633941821328460903436894336785;
    /// @dev What stands in a bundle's link where a message has its anchor: keccak256("maci-nova bundle") mod r. No anchor is
    /// it, so no link is both a message's and a bundle's.
    uint256 internal constant BUNDLE_MARK =
        18821328232289350506185933559994378747969262344298964345595998791259202653222;
    /// @dev First element of a top-up's digest.
    uint256 internal constant TOP_UP = 1;
    uint256 internal constant MAX_CREDITS = type(uint32).max;
    uint256 internal constant MAX_AMOUNT = type(uint48).max;

    /// @dev Where this code was deployed, which is no poll.
    address private immutable SELF = address(this);

    /// @dev Leaf 0 is nobody's, so there are less than 5^20.
    uint48 private _joins;
    /// @dev Places of messages, top-ups and bundles. The circuit needs less than 2^50; `messageLimit()` is at most the seconds of 90 days.
    uint48 private _messages;
    bool private _finalized;
    bool private _aborted;
    /// @dev 0 before the first join, where the chain is ZERO.
    uint256 private _joinChain;
    /// @dev 0 before the first message or top-up, where the chain is ZERO.
    uint256 private _messageChain;

    /// @inheritdoc IPoll
    mapping(uint256 nullifier => bool) public nullifierUsed;
    /// @inheritdoc IPoll
    mapping(address depositor => uint256) public depositOf;
    /// @inheritdoc IPoll
    mapping(address payer => uint256) public feesOf;

    /// @inheritdoc IPoll
    uint256 public stateRoot;

    /// @inheritdoc IPoll
    /// @dev Any number of rows of segments may begin at the first state. What is proven stays true, so none is in the way of
    /// another: a row that is never finished locks nothing.
    mapping(uint256 link => bool) public linkProven;

    modifier onceFinalized() {
        if (!_finalized) revert NotFinalized();
        _;
    }

    modifier onceAborted() {
        if (!_aborted) revert NotAborted();
        _;
    }

    /// @inheritdoc IPoll
    /// @dev The key may be any point of the curve. One of low order (1, 2, 4, 8) can sign nothing, so its voter has no
    /// vote. A part of low order does no harm.
    function join(
        uint256 nullifier,
        uint256 rootIndex,
        PublicKey calldata pollKey,
        uint256[8] calldata proof,
        bytes calldata creditData,
        uint256 minCredits
    ) external nonReentrant {
        StrictCalldata.requireBytes(14, creditData);
        Arguments arguments = _open();
        BabyJubJub.requireOnCurve(pollKey.x, pollKey.y);
        if (nullifierUsed[nullifier]) revert NullifierAlreadyUsed(nullifier);
        nullifierUsed[nullifier] = true;
        uint256 stateIndex = _joins + 1;
        if (stateIndex >= 5 ** uint256(arguments.shape().stateTreeDepth)) revert PollFull();
        uint256 lastRoot = arguments.lastRoot();
        if (rootIndex > lastRoot) revert RootTooNew(rootIndex, lastRoot);
        uint256 root = IMACI(arguments.maci()).rootAt(rootIndex);
        uint256 binding = _binding(pollKey, creditData, minCredits);
        JoinVerifier(arguments.joinVerifier()).verify([root, nullifier, arguments.scope(), binding], proof);
        uint256 credits = arguments.credits().getVoiceCredits(msg.sender, creditData);
        if (credits > MAX_CREDITS) revert CreditsOutOfRange(credits);
        if (credits < minCredits) revert TooFewCredits(credits, minCredits);
        uint256 chain = stateIndex == 1 ? ZERO : _joinChain;
        _joinChain = PoseidonT5.hash([chain, pollKey.x, pollKey.y, credits]);
        _joins = uint48(stateIndex);
        emit Join(stateIndex, pollKey.x, pollKey.y, credits);
    }

    /// @inheritdoc IPoll
    /// @dev The one-time key may be any point of the curve, of low order too. Such a message is decrypted and judged like
    /// any other.
    function publishMessage(
        uint256[10] calldata data,
        PublicKey calldata encryptionKey,
        uint256 blockNumber,
        uint256 anchor
    ) external payable nonReentrant {
        StrictCalldata.requireStatic(14);
        Arguments arguments = _open();
        _requireAnchor(arguments, blockNumber, anchor);
        _takeFee(arguments, 1);
        (uint256 chain, uint256 index) = _take(arguments, 1);
        _messageChain = _withMessage(chain, index, data, encryptionKey, blockNumber, anchor);
    }

    /// @inheritdoc IPoll
    function publishMessageBatch(
        uint256[10][] calldata data,
        PublicKey[] calldata encryptionKeys,
        uint256 blockNumber,
        uint256 anchor
    ) external payable nonReentrant {
        uint256 n = _requireArrays(data, encryptionKeys);
        Arguments arguments = _open();
        _requireAnchor(arguments, blockNumber, anchor);
        _takeFee(arguments, n);
        (uint256 chain, uint256 index) = _take(arguments, n);
        for (uint256 i = 0; i < n; ++i) {
            chain = _withMessage(chain, index + i, data[i], encryptionKeys[i], blockNumber, anchor);
        }
        _messageChain = chain;
    }

    /// @inheritdoc IPoll
    /// @dev A bundle is an event of its own to be proven, so it takes a place besides those of its messages. The proof of a
    /// wrong `inner` would make the poll unprovable, or let messages count that nobody sees: it has to be what decides.
    function publishBundle(
        uint256[2][] calldata anchors,
        bytes calldata anchorPlaces,
        uint256[12][] calldata messages,
        uint256 inner,
        uint256[8] calldata proof
    ) external payable nonReentrant {
        Bundles.requireEncoding(anchors, anchorPlaces, messages);
        uint256 n = messages.length;
        if (n == 0) revert EmptyBatch();
        Arguments arguments = _open();
        _requireAnchors(arguments, anchors);
        (uint256 start, uint256 size) = Bundles.write(anchors, anchorPlaces, messages, inner);
        (uint256 c, uint256 e) = Bundles.evaluate(start, size);
        BundleVerifier(arguments.bundleVerifier()).verify([inner, c, e, n], proof);
        _takeFee(arguments, n);
        (uint256 chain, uint256 index) = _take(arguments, n + 1);
        _messageChain = PoseidonT4.hash([chain, inner, BUNDLE_MARK]);
        bytes32 topic = Bundle.selector;
        assembly ("memory-safe") {
            log2(start, size, topic, index)
        }
    }

    /// @inheritdoc IPoll
    function topUp(uint256 stateIndex, uint256 amount) external payable nonReentrant {
        StrictCalldata.requireStatic(2);
        Arguments arguments = _open();
        _takeFee(arguments, 1);
        _topUp(arguments, stateIndex, amount);
    }

    /// @inheritdoc IPoll
    function topUpBatch(uint256[] calldata stateIndices, uint256[] calldata amounts) external payable nonReentrant {
        uint256 n = _requireArrays(stateIndices, amounts);
        Arguments arguments = _open();
        _takeFee(arguments, n);
        for (uint256 i = 0; i < n; ++i) {
            _topUp(arguments, stateIndices[i], amounts[i]);
        }
    }

    /// @inheritdoc IPoll
    function finalize(
        uint256 newStateRoot,
        uint256 tallyRoot,
        OptionResult[] calldata newResults,
        uint256[22] calldata proof
    ) external nonReentrant {
        Arguments arguments = _info();
        _requireResults(25, newResults, arguments.voteOptions());
        _finalize(arguments, _firstState(arguments), [newStateRoot, tallyRoot], newResults, proof);
    }

    /// @inheritdoc IPoll
    function finalizeFrom(
        uint256 link,
        uint256 newStateRoot,
        uint256 tallyRoot,
        OptionResult[] calldata newResults,
        uint256[22] calldata proof
    ) external nonReentrant {
        Arguments arguments = _info();
        _requireResults(26, newResults, arguments.voteOptions());
        _finalize(arguments, _proven(link), [newStateRoot, tallyRoot], newResults, proof);
    }

    /// @inheritdoc IPoll
    /// @dev Before the end too. What is proven of a link is that steps lead to its state, with whatever joins and messages; only
    /// from one whose chains are the poll's own does a proof lead to the last state. The event has the proof, so that anybody
    /// can verify the count from events alone, by whatever contract it was sent.
    function proveSegment(uint256 from, uint256 to, uint256[22] calldata proof) external nonReentrant {
        StrictCalldata.requireStatic(24);
        Arguments arguments = _info();
        _beforeDeadline(arguments);
        // 0 stands for the first state, which needs no proof.
        if (to == 0 || linkProven[to]) revert LinkAlreadyProven(to);
        uint256[8] memory first = from == 0 ? _firstState(arguments) : _proven(from);
        linkProven[to] = true;
        // No results: the last state is hidden.
        _ask(arguments, abi.encodePacked(_question(arguments, first, _link(to)), proof, uint256(0)));
        emit SegmentProven(from, to, proof);
    }

    /// @inheritdoc IPoll
    function abort() external nonReentrant {
        StrictCalldata.requireStatic(0);
        if (_finalized) revert AlreadyFinalized();
        if (_aborted) revert AlreadyAborted();
        if (block.timestamp < deadline()) revert DeadlineNotReached();
        _aborted = true;
        emit Aborted();
    }

    /// @inheritdoc IPoll
    /// @dev Apart from `finalize`, and from the fees, so that a token which refuses cannot hold them up.
    function collect() external nonReentrant onceFinalized {
        StrictCalldata.requireStatic(0);
        Arguments arguments = _info();
        if (address(arguments.topUpToken()) == address(0)) revert NoTopUps();
        uint256 amount = arguments.topUpToken().balanceOf(address(this));
        if (amount == 0) revert NothingToPay();
        arguments.topUpToken().safeTransfer(arguments.beneficiary(), amount);
    }

    /// @inheritdoc IPoll
    function collectFees() external nonReentrant onceFinalized {
        StrictCalldata.requireStatic(0);
        uint256 amount = address(this).balance;
        if (amount == 0) revert NothingToPay();
        Address.sendValue(payable(_info().owner()), amount);
    }

    /// @inheritdoc IPoll
    function withdraw() external nonReentrant onceAborted {
        StrictCalldata.requireStatic(0);
        uint256 amount = depositOf[msg.sender];
        if (amount == 0) revert NothingToPay();
        depositOf[msg.sender] = 0;
        _info().topUpToken().safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IPoll
    function withdrawFees() external nonReentrant onceAborted {
        StrictCalldata.requireStatic(0);
        uint256 amount = feesOf[msg.sender];
        if (amount == 0) revert NothingToPay();
        feesOf[msg.sender] = 0;
        Address.sendValue(payable(msg.sender), amount);
    }

    /// @inheritdoc IPoll
    function anchorOf(uint256 blockNumber) external view returns (uint256 anchor, bytes32 blockHash) {
        return _anchorOf(_info(), blockNumber);
    }

    /// @inheritdoc IPoll
    function anchorWindow() external view returns (uint256 newest, uint256 blocks) {
        return (block.number - 1, _anchorWindow(_info()));
    }

    /// @inheritdoc IPoll
    /// @dev Why their number is bounded, and not only the time. If more were taken than there is time for, whoever sends
    /// enough of them would force an abort, and have their fees back by it. Here all that was let in moves the deadline by
    /// its own time for proving, so spam never makes it too early for who proves a message in `provingPerMessage`, and
    /// the fees of spam in a poll that is finalized are the owner's: `limit * messageFee`, or half of it (a bundle takes a
    /// place more than its messages pay for), and 10,000 gas a place in bundles is what it costs to fill a poll. Top-ups
    /// take the same places and pay the same fee, besides tokens for at least one credit. What that buys is that nothing
    /// can be sent any more, so who bought votes could fill the poll to keep them from being overridden. The owner sets
    /// the price: a fee, and a long `provingMax` with a short, honest `provingPerMessage`. 30 days at 1 second are 2.6
    /// million messages. Keeping the fees after an abort instead would pay whoever can cause one, the coordinator.
    function messageLimit() external view returns (uint256) {
        return _messageLimit(_info());
    }

    /// @inheritdoc IPoll
    function deadline() public view returns (uint256) {
        return _deadline(_info());
    }

    /// @inheritdoc IPoll
    function state() external view returns (PollState) {
        Arguments arguments = _info();
        if (_finalized) return PollState.Finalized;
        if (_aborted) return PollState.Aborted;
        if (block.timestamp < arguments.startTime()) return PollState.Pending;
        return block.timestamp < arguments.endTime() ? PollState.Open : PollState.Ended;
    }

    /// @inheritdoc IPoll
    function resultOf(uint256 option) external view onceFinalized returns (OptionResult memory) {
        if (option >= _info().voteOptions()) revert UnknownOption(option);
        return Results.read(option);
    }

    /// @inheritdoc IPoll
    function results() external view onceFinalized returns (OptionResult[] memory) {
        return Results.readAll(0, _info().voteOptions());
    }

    /// @inheritdoc IPoll
    function totals() external view onceFinalized returns (OptionResult memory) {
        return Results.read(_info().voteOptions());
    }

    /// @inheritdoc IPoll
    function chains()
        external
        view
        returns (uint256 joinChain, uint256 joinCount, uint256 messageChain, uint256 messageCount)
    {
        return (_currentJoinChain(), uint256(_joins) + 1, _currentMessageChain(), _messages);
    }

    /// @inheritdoc IPoll
    function pollInfo() external view returns (PollInfo memory) {
        return _info().decode();
    }

    /// @dev What the poll was made with. Read once a call.
    function _info() private view returns (Arguments) {
        if (address(this) == SELF) revert NoPoll();
        return PollArguments.read();
    }

    /// @dev The same, while joins, messages and top-ups are taken.
    function _open() private view returns (Arguments arguments) {
        arguments = _info();
        if (block.timestamp < arguments.startTime()) revert PollNotStarted();
        if (block.timestamp >= arguments.endTime()) revert PollEnded();
    }

    function _currentJoinChain() private view returns (uint256) {
        return _joins == 0 ? ZERO : _joinChain;
    }

    function _currentMessageChain() private view returns (uint256) {
        return _messages == 0 ? ZERO : _messageChain;
    }

    function _deadline(Arguments arguments) private view returns (uint256) {
        uint256 start = uint256(arguments.endTime()) + arguments.provingBase();
        return start + uint256(arguments.provingPerMessage()) * _messages;
    }

    function _messageLimit(Arguments arguments) private pure returns (uint256) {
        return arguments.provingMax() / arguments.provingPerMessage();
    }

    function _anchorOf(Arguments arguments, uint256 blockNumber) private view returns (uint256, bytes32) {
        if (arguments.signedWithin() != 0) return Anchors.anchorOf(blockNumber, _anchorWindow(arguments));
        if (blockNumber != 0) revert WrongAnchor(blockNumber, 0);
        return (0, 0);
    }

    function _anchorWindow(Arguments arguments) private view returns (uint256) {
        if (arguments.signedWithin() == 0) return 0;
        uint256 end = arguments.endTime();
        return Anchors.window(arguments.signedWithin(), block.timestamp < end ? end - block.timestamp : 0);
    }

    /// @dev What a join proof is bound to, so that it is worth nothing to anybody else.
    function _binding(PublicKey calldata pollKey, bytes calldata creditData, uint256 minCredits)
        private
        view
        returns (uint256)
    {
        bytes32 hash = keccak256(
            abi.encode(
                block.chainid, address(this), pollKey.x, pollKey.y, msg.sender, keccak256(creditData), minCredits
            )
        );
        return uint256(hash) % R;
    }

    /// @dev Without anchors both have to be 0.
    function _requireAnchor(Arguments arguments, uint256 blockNumber, uint256 anchor) private view {
        (uint256 expected,) = _anchorOf(arguments, blockNumber);
        if (anchor != expected) revert WrongAnchor(anchor, expected);
    }

    /// @dev Every anchor of a bundle. Without any, its messages have the anchor 0.
    function _requireAnchors(Arguments arguments, uint256[2][] calldata anchors) private view {
        if (anchors.length == 0) _requireAnchor(arguments, 0, 0);
        for (uint256 i = 0; i < anchors.length; ++i) {
            _requireAnchor(arguments, anchors[i][0], anchors[i][1]);
        }
    }

    function _takeFee(Arguments arguments, uint256 messages) private {
        uint256 due = arguments.messageFee() * messages;
        if (msg.value != due) revert WrongFee(msg.value, due);
        if (due != 0) feesOf[msg.sender] += due;
    }

    /// @dev Takes so many places. The chain before them, and the index of the first.
    function _take(Arguments arguments, uint256 places) private returns (uint256 chain, uint256 index) {
        index = _messages;
        chain = index == 0 ? ZERO : _messageChain;
        uint256 limit = _messageLimit(arguments);
        if (index + places > limit) revert MessagesFull(limit);
        _messages = uint48(index + places);
    }

    /// @dev The chain after a message: P3(chain, P4(P5(d0..d4), P5(d5..d9), key.x, key.y), anchor).
    function _withMessage(
        uint256 chain,
        uint256 index,
        uint256[10] calldata data,
        PublicKey calldata key,
        uint256 blockNumber,
        uint256 anchor
    ) private returns (uint256) {
        for (uint256 i = 0; i < 10; ++i) {
            if (data[i] >= R) revert NonCanonicalMessage(i);
        }
        BabyJubJub.requireOnCurve(key.x, key.y);
        uint256 first = PoseidonT6.hash([data[0], data[1], data[2], data[3], data[4]]);
        uint256 second = PoseidonT6.hash([data[5], data[6], data[7], data[8], data[9]]);
        uint256 digest = PoseidonT5.hash([first, second, key.x, key.y]);
        emit Message(index, data, key.x, key.y, blockNumber, anchor);
        return PoseidonT4.hash([chain, digest, anchor]);
    }

    /// @dev The chain after a top-up: P3(chain, P3(1, stateIndex, credits), 0). Nobody signs a top-up.
    function _topUp(Arguments arguments, uint256 stateIndex, uint256 amount) private {
        if (address(arguments.topUpToken()) == address(0)) revert NoTopUps();
        if (stateIndex == 0 || stateIndex > _joins) revert UnknownStateIndex(stateIndex);
        uint256 received = _receive(arguments.topUpToken(), amount);
        uint256 credits = received / arguments.creditUnit();
        if (received % arguments.creditUnit() != 0) revert TokenRemainder(received % arguments.creditUnit());
        if (credits == 0 || credits > MAX_AMOUNT) revert AmountOutOfRange(credits);
        depositOf[msg.sender] += received;
        (uint256 chain, uint256 index) = _take(arguments, 1);
        _messageChain = PoseidonT4.hash([chain, PoseidonT4.hash([TOP_UP, stateIndex, credits]), 0]);
        emit TopUp(index, stateIndex, credits, msg.sender);
    }

    /// @dev Takes tokens from the sender and tells how many arrived.
    function _receive(IERC20 token, uint256 amount) private returns (uint256) {
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        return token.balanceOf(address(this)) - before;
    }

    function _beforeDeadline(Arguments arguments) private view {
        if (_finalized) revert AlreadyFinalized();
        if (block.timestamp >= _deadline(arguments)) revert DeadlinePassed();
    }

    /// @dev Settles the count with a proof that begins at `first`. `roots` are those of the state and the tally. The proof,
    /// and the results behind it, are the end of the calldata as they are of the verifier's: an encoder would go through
    /// every result, which the verifier does anyway.
    function _finalize(
        Arguments arguments,
        uint256[8] memory first,
        uint256[2] memory roots,
        OptionResult[] calldata newResults,
        uint256[22] calldata proof
    ) private {
        if (_finalized) revert AlreadyFinalized();
        if (block.timestamp < arguments.endTime()) revert PollNotEnded();
        _beforeDeadline(arguments);
        _finalized = true;
        uint256 start;
        assembly ("memory-safe") {
            start := proof
        }
        uint256[8] memory last = _lastState(arguments.pollContext(), roots[0], roots[1]);
        _ask(arguments, bytes.concat(_question(arguments, first, last), msg.data[start:]));
        stateRoot = roots[0];
        _emitFinalized(roots[0], roots[1], Results.store(newResults), newResults);
    }

    /// @dev The state that every poll begins in.
    function _firstState(Arguments arguments) private pure returns (uint256[8] memory) {
        return [arguments.pollContext(), ZERO, 1, 0, 0, 0, arguments.emptyStateRoot(), arguments.emptyTallyRoot()];
    }

    /// @dev The words of a link. The third is 0, which no state's is: nobody's leaf is there from the start.
    function _link(uint256 link) private pure returns (uint256[8] memory words) {
        words[0] = link;
    }

    /// @dev The same of a link that segments lead to.
    function _proven(uint256 link) private view returns (uint256[8] memory) {
        if (!linkProven[link]) revert UnknownLink(link);
        return _link(link);
    }

    /// @dev Without messages there is no head, and the cursor has not moved. No bundle is open.
    function _lastState(uint256 context, uint256 newStateRoot, uint256 tallyRoot)
        private
        view
        returns (uint256[8] memory)
    {
        (uint256 head, uint256 cursor) = _messages == 0 ? (0, 0) : (_messageChain, ZERO);
        return [context, _currentJoinChain(), uint256(_joins) + 1, head, cursor, 0, newStateRoot, tallyRoot];
    }

    /// @dev What the verifier is called with, but for the end: the proof, the number of results and the results.
    function _question(Arguments arguments, uint256[8] memory first, uint256[8] memory last)
        private
        view
        returns (bytes memory)
    {
        bytes32 domain = keccak256(abi.encode(block.chainid, address(this), arguments.verifier()));
        // Words before the length of the results: domain, both states, this number, the proof.
        uint256 offset = 32 * (1 + 2 * 8 + 1 + 22);
        return abi.encodePacked(DeciderVerifier.verify.selector, domain, first, last, offset);
    }

    /// @dev Reverts where the verifier does.
    function _ask(Arguments arguments, bytes memory question) private view {
        Address.functionStaticCall(arguments.verifier(), question);
    }

    /// @dev The event `Finalized`. The encoder would go through the results once more, which have been checked.
    function _emitFinalized(
        uint256 newStateRoot,
        uint256 tallyRoot,
        OptionResult memory sums,
        OptionResult[] calldata newResults
    ) private {
        bytes memory data = abi.encode(newStateRoot, tallyRoot, sums, uint256(160), newResults.length);
        bytes32 topic = Finalized.selector;
        assembly ("memory-safe") {
            // In free memory: the six words of `data`, then the results as they came.
            let size := shl(6, newResults.length)
            let start := mload(0x40)
            mcopy(start, add(data, 0x20), 0xc0)
            calldatacopy(add(start, 0xc0), newResults.offset, size)
            log1(start, add(0xc0, size), topic)
        }
    }

    function _requireResults(uint256 headWords, OptionResult[] calldata newResults, uint256 options) private pure {
        if (newResults.length != options) revert WrongNumberOfResults(newResults.length, options);
        uint256 start;
        assembly ("memory-safe") {
            start := newResults.offset
        }
        StrictCalldata.requireArray(headWords, start, 64 * newResults.length);
    }

    function _requireArrays(uint256[10][] calldata data, PublicKey[] calldata keys) private pure returns (uint256 n) {
        n = _requireLengths(data.length, keys.length);
        uint256 start;
        uint256 secondStart;
        assembly ("memory-safe") {
            start := data.offset
            secondStart := keys.offset
        }
        StrictCalldata.requireArrays(4, start, 320 * n, secondStart, 64 * n);
    }

    function _requireArrays(uint256[] calldata one, uint256[] calldata two) private pure returns (uint256 n) {
        n = _requireLengths(one.length, two.length);
        uint256 start;
        uint256 secondStart;
        assembly ("memory-safe") {
            start := one.offset
            secondStart := two.offset
        }
        StrictCalldata.requireArrays(2, start, 32 * n, secondStart, 32 * n);
    }

    function _requireLengths(uint256 one, uint256 two) private pure returns (uint256) {
        if (one != two) revert LengthMismatch(one, two);
        if (one == 0) revert EmptyBatch();
        return one;
    }
}
