package otlp

// NewHandler exports newHandler.
var NewHandler = newHandler
