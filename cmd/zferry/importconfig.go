package main

import (
	"io"

	"github.com/spf13/cobra"
)

func newImportConfig(stderr io.Writer) *cobra.Command { return &cobra.Command{Use: "import-config"} }
