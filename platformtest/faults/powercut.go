package main

import (
	"context"
	"errors"
)

func (g *guest) cutPower(ctx context.Context) error { return errors.ErrUnsupported }
func (o *options) powerCutPhase(ctx context.Context, emit func(event)) error {
	return errors.ErrUnsupported
}
