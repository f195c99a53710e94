"""The exporter to synthesizable Verilog-2005, memory files and a self-checking test bench."""

from signbit.export.verilog.exporter import verilog

__all__ = ["verilog"]
