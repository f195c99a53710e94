"""Names that are identifiers in C, Verilog and MATLAB."""

import re

# MATLAB compares only the first 63 letters, and exporters append endings such as `_graph`.
LONGEST = 48
# The keywords of C, C++, SystemVerilog and MATLAB. Names such as small.signbit and final.signbit
# are likely, and both small and final are keywords.
_KEYWORDS = """
accept_on alias alignas alignof always always_comb always_ff always_latch and and_eq asm assert
assign assume auto automatic before begin bind bins binsof bit bitand bitor bool break buf
buffer bufif0 bufif1 byte case casex casez catch cell chandle char checker class classdef
clocking cmos compl config const constexpr constraint context continue cover covergroup
coverpoint cross deassign decltype default defparam delete design disable disconnect dist do
double dynamic_cast edge else elseif elsif end endcase endchecker endclass endclocking endconfig
endfunction endgenerate endgroup endif endinterface endmodule endpackage endprimitive endprogram
endproperty endsequence endspecify endtable endtask endwhile enum event eventually expect
explicit export extends extern false final first_match float for forall force foreach forever
fork forkjoin friend function generate genvar global goto group highz0 highz1 if iff ifnone
ignore_bins illegal_bins implements implies import incdir include initial inline inout input
inside instance int integer interconnect interface intersect join join_any join_none large let
liblist library local localparam logic long macromodule main matches medium modport module
mutable namespace nand negedge nettype new next nexttime nmos noexcept nor noshowcancelled not
not_eq notif0 notif1 null nullptr operator or or_eq otherwise output package packed parameter
parfor persistent pmos posedge primitive priority private program property protected public
pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase
randsequence rcmos real realtime ref reg reinterpret_cast reject_on release repeat requires
restrict return rnmos rpmos rtran rtranif0 rtranif1 s_always s_eventually s_nexttime s_until
s_until_with scalared sequence short shortint shortreal showcancelled signed sizeof small soft
solve specify specparam spmd static static_assert static_cast string strong strong0 strong1
struct super supply0 supply1 switch sync_accept_on sync_reject_on table tagged task template
this thread_local throughout throw time timeprecision timeunit tran tranif0 tranif1 tri tri0
tri1 triand trior trireg true try type typedef typeid typename union unique unique0 unsigned
until until_with untyped use using uwire var vectored virtual void volatile wait wait_order wand
wchar_t weak weak0 weak1 while wildcard wire with within wor xnor xor xor_eq
"""
# Names in the test program of the C export begin with these.
_TAKEN = (*_KEYWORDS.split(), "check", "golden")


def identifier(name: str) -> str:
    """A name of letters, digits and underscores that starts with a letter and is not taken.

    Any other character becomes `_`. Where the result is still not such a name, it is prefixed with
    `net_`.
    """
    safe = re.sub(r"[^A-Za-z0-9_]", "_", name)[:LONGEST]
    if safe[:1].isalpha() and safe not in _TAKEN:
        return safe
    return f"net_{safe.lstrip('_')}"
