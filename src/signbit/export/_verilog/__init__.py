"""The parts of the Verilog exporter; `rtl` holds the modules that every network shares."""
