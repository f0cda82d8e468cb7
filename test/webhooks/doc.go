// Package webhooks holds webhooks to their promises over two nodes on one database: the
// real binary that sends is killed, and the other goes on.
package webhooks
