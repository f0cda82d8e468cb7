// Package mpblock is the domain of blacklist management for Official Accounts
// (公众号) on a WeChat-style platform: which OpenIDs an account has blocked, who
// blocked them, when and why.
//
// It holds the terms that every other package speaks in (AppID, OpenID,
// Account, Entry, Change), errors by kind and key, and Store, the contract that
// every storage engine keeps. It imports none of the other packages, knows no JSON,
// no HTTP and no return codes, and does no I/O.
//
// One invariant carries the rest: the list is what its changes add up to. A
// Store writes a Change and its effect on the blacklist together or not at
// all, and Check verifies it from the outside.
package mpblock
