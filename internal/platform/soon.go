package platform

import "errors"

var errSoon = errors.New("platform: not built yet")
