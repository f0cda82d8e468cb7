# Puts each sample of a server down to a part of a batch, and prints µs of CPU of a batch by
# part:
#
#   perf script --comm COMM -F ip,sym | awk -v batches=N -v hertz=999 -f parts.awk
#
# The work in the background counts wherever it is in a stack; else the innermost frame that
# a rule knows does.

function rule(part, pattern) { parts[++n] = part; patterns[n] = pattern }

function flush(   i, j, part) {
	if (frames == 0) return
	part = ""
	for (i = 1; i <= background && part == ""; i++) if (stack ~ patterns[i]) part = parts[i]
	for (j = 1; j <= frames && part == ""; j++)
		for (i = background + 1; i <= n && part == ""; i++) if (frame[j] ~ patterns[i]) part = parts[i]
	if (part == "") part = "the rest"
	count[part]++
	total++
	frames = 0
	stack = ""
}

BEGIN {
	rule("collecting garbage", "runtime.(gcBgMarkWorker|gcAssist|bgsweep|bgscavenge|gcStart|deductSweepCredit)")
	rule("Pebble's flushes and merges", "pebble/v2.*DB[)].(compact|flush|runCompaction)|sstable.*drainWriteQueue")
	rule("filter made, changes in tables forgotten", "forgetRecent|pebblestore.*Store[)].learn")
	background = n
	rule("watch over the caller", "direct.*conn[)].(watch|hear|unwatch|beginWatch)|direct.*Listener[)].look")
	rule("contexts, time limit", "lazyctx|context[.]")
	rule("Pebble's log: write", "guardedFile[)].Write|syncingFile[)].Write|LogWriter[)].flushPending")
	rule("Pebble's log: fdatasync", "guardedFile[)].Sync|Fdatasync|SyncData|syncWithLatency")
	rule("Pebble's log: the rest", "record.*LogWriter")
	rule("Pebble's memory table", "pebble/v2.*(ApplyNoSyncWait|applyInternal|commitPipeline|memTable)")
	rule("look-ups", "filter.*MayHold|recent.*Of$|pebblestore.*Store[)].(find|look|current|findUnknown|filterOf)|pebblestore.*lookup[)]")
	rule("the write built, its changes remembered", "pebblestore.*(Store[)].build|putChange|effects|Effect|nextChange|recent|codec|filter.*Add)|SetDeferred|batch.*prepareDeferred")
	rule("hand-overs in the store", "pebblestore.*Store[)].(lead|submit|applyGroup|until)|SyncWait")
	rule("request: OpenIDs read, sorted, checked", "internal/wire[.]|ParseOpenID|mpblock.Distinct|slices")
	rule("metrics", "internal/ops[.]|prometheus")
	rule("log line", "log/slog|Server[)].observe|lineBuffer")
	rule("token, quota", "internal/access")
	rule("rules of the list, page cache, feed", "internal/(lists|listcache|feed)")
	rule("answer written", "direct.*answer[)]")
	rule("request read", "direct.*conn[)].(read|next|limit|look)")
	rule("routing, headers, body", "internal/(api|direct|server)")
	rule("the store: the rest", "pebblestore")
	rule("threads and goroutines that wake each other", "runtime.(mcall|mstart|park_m|schedule|findRunnable|goexit0|sysmon|morestack|newstack|copystack|systemstack)")
}

NF == 0 { flush(); next }
{ frame[++frames] = $0; stack = stack "\n" $0 }

END {
	flush()
	for (part in count) printf "%7.1f  %s\n", count[part] / hertz * 1e6 / batches, part | "sort -rn"
	close("sort -rn")
	printf "%7.1f  in all\n", total / hertz * 1e6 / batches
}
