package emulator

// Fates are what becomes of an answer that does not arrive as it was made.
const (
	FateReset   = "the connection was reset"
	FateClosed  = "the connection was closed without an answer"
	FateSilence = "no answer came"
	FateGateway = "a proxy's 502 stood in for the answer"
	FateHalf    = "half of the body was sent as if it were all"
	FateMiddle  = "the connection was closed in the middle of the answer"
	FateGone    = "the client went away before the answer"
)
