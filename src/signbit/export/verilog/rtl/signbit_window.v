// The windows of a padded map: line buffer, window registers, and which taps lie inside the map.
//
// In:  one position of DATA bits a beat, HEIGHT rows of WIDTH, in raster order.
// Out: one window a beat, in raster order. Tap (i, j) is field i * KERNEL_W + j of m_taps and bit
//      of m_inside. Taps in the padding hold anything; their m_inside is 0.
//
// It walks over the padded map, one position a cycle. Positions in the padding read no input. The
// registers of the window are the output, so the walk goes on in the cycle that takes a window.
// Nothing is cleared between maps, because a window holds only positions of its own map.
module signbit_window #(
    parameter DATA = 1,
    parameter HEIGHT = 1,
    parameter WIDTH = 1,
    parameter KERNEL_H = 1,
    parameter KERNEL_W = 1,
    parameter STRIDE_H = 1,
    parameter STRIDE_W = 1,
    parameter DILATION_H = 1,
    parameter DILATION_W = 1,
    parameter PAD_TOP = 0,
    parameter PAD_LEFT = 0,
    parameter PAD_BOTTOM = 0,
    parameter PAD_RIGHT = 0
) (
    input wire clk,
    input wire rst,
    input wire s_valid,
    output wire s_ready,
    input wire [DATA-1:0] s_data,
    output reg m_valid,
    input wire m_ready,
    output wire [KERNEL_H*KERNEL_W*DATA-1:0] m_taps,
    output wire [KERNEL_H*KERNEL_W-1:0] m_inside
);
    localparam ROWS = PAD_TOP + HEIGHT + PAD_BOTTOM;
    localparam COLUMNS = PAD_LEFT + WIDTH + PAD_RIGHT;
    localparam REACH_H = DILATION_H * (KERNEL_H - 1) + 1;
    localparam REACH_W = DILATION_W * (KERNEL_W - 1) + 1;

    // The walk, a position of the padded map.
    localparam Y_BITS = ROWS > 1 ? $clog2(ROWS) : 1;
    localparam X_BITS = COLUMNS > 1 ? $clog2(COLUMNS) : 1;
    // verilator lint_off WIDTH
    localparam [Y_BITS-1:0] LAST_Y = ROWS - 1;
    localparam [X_BITS-1:0] LAST_X = COLUMNS - 1;
    // verilator lint_on WIDTH
    reg [Y_BITS-1:0] y;
    reg [X_BITS-1:0] x;
    wire last_y = y == LAST_Y;
    wire last_x = x == LAST_X;
    wire [X_BITS-1:0] next_x = last_x ? {X_BITS{1'b0}} : x + 1'b1;

    wire [KERNEL_H-1:0] rows_inside;
    wire [KERNEL_W-1:0] columns_inside;
    signbit_inside #(
        .BITS(Y_BITS), .SIZE(HEIGHT), .PAD(PAD_TOP), .KERNEL(KERNEL_H), .DILATION(DILATION_H)
    ) rows (
        .position(y), .in_map(rows_inside)
    );
    signbit_inside #(
        .BITS(X_BITS), .SIZE(WIDTH), .PAD(PAD_LEFT), .KERNEL(KERNEL_W), .DILATION(DILATION_W)
    ) columns (
        .position(x), .in_map(columns_inside)
    );

    // The last tap is at the position itself.
    wire takes = rows_inside[KERNEL_H-1] && columns_inside[KERNEL_W-1];
    wire free = !m_valid || m_ready;
    wire step = free && (s_valid || !takes);
    assign s_ready = free && takes;

    // Rows and columns to go before the next window is complete.
    localparam MOST_Y = REACH_H > STRIDE_H ? REACH_H : STRIDE_H;
    localparam MOST_X = REACH_W > STRIDE_W ? REACH_W : STRIDE_W;
    localparam WAIT_Y_BITS = MOST_Y > 1 ? $clog2(MOST_Y) : 1;
    localparam WAIT_X_BITS = MOST_X > 1 ? $clog2(MOST_X) : 1;
    // verilator lint_off WIDTH
    localparam [WAIT_Y_BITS-1:0] FIRST_WAIT_Y = REACH_H - 1;
    localparam [WAIT_X_BITS-1:0] FIRST_WAIT_X = REACH_W - 1;
    localparam [WAIT_Y_BITS-1:0] NEXT_WAIT_Y = STRIDE_H - 1;
    localparam [WAIT_X_BITS-1:0] NEXT_WAIT_X = STRIDE_W - 1;
    // verilator lint_on WIDTH
    reg [WAIT_Y_BITS-1:0] wait_y;
    reg [WAIT_X_BITS-1:0] wait_x;
    wire complete = wait_y == {WAIT_Y_BITS{1'b0}} && wait_x == {WAIT_X_BITS{1'b0}};

    always @(posedge clk) begin
        if (rst) begin
            y <= {Y_BITS{1'b0}};
            x <= {X_BITS{1'b0}};
            wait_y <= FIRST_WAIT_Y;
            wait_x <= FIRST_WAIT_X;
            m_valid <= 1'b0;
        end else if (step) begin
            x <= next_x;
            wait_x <= last_x ? FIRST_WAIT_X : wait_x == {WAIT_X_BITS{1'b0}} ? NEXT_WAIT_X
                    : wait_x - 1'b1;
            if (last_x) begin
                y <= last_y ? {Y_BITS{1'b0}} : y + 1'b1;
                wait_y <= last_y ? FIRST_WAIT_Y : wait_y == {WAIT_Y_BITS{1'b0}} ? NEXT_WAIT_Y
                        : wait_y - 1'b1;
            end
            m_valid <= complete;
        end else if (m_ready) begin
            m_valid <= 1'b0;
        end
    end

    // With dilation, rows between the taps are stored but not read.
    // verilator lint_off UNUSEDSIGNAL
    wire [REACH_H*DATA-1:0] column;
    // verilator lint_on UNUSEDSIGNAL
    signbit_lines #(.DATA(DATA), .ROWS(REACH_H), .COLUMNS(COLUMNS), .X_BITS(X_BITS)) lines (
        .clk(clk), .step(step), .x(x), .next_x(next_x), .data(s_data), .column(column)
    );

    // Field k of the window: the KERNEL_H taps of the column k columns to the left.
    localparam COLUMN = KERNEL_H * DATA;
    // verilator lint_off UNUSEDSIGNAL
    reg [REACH_W*COLUMN-1:0] window;
    // verilator lint_on UNUSEDSIGNAL
    reg [KERNEL_H-1:0] window_rows;
    reg [KERNEL_W-1:0] window_columns;
    wire [COLUMN-1:0] picked;
    genvar i, j;
    generate
        for (i = 0; i < KERNEL_H; i = i + 1) begin : row
            assign picked[i*DATA +: DATA] = column[(KERNEL_H-1-i)*DILATION_H*DATA +: DATA];
            for (j = 0; j < KERNEL_W; j = j + 1) begin : tap
                assign m_taps[(i*KERNEL_W+j)*DATA +: DATA]
                    = window[(KERNEL_W-1-j)*DILATION_W*COLUMN + i*DATA +: DATA];
                assign m_inside[i*KERNEL_W+j] = window_rows[i] && window_columns[j];
            end
        end
    endgenerate
    always @(posedge clk) begin
        if (step) begin
            window <= window << COLUMN;
            window[COLUMN-1:0] <= picked;
            window_rows <= rows_inside;
            window_columns <= columns_inside;
        end
    end
endmodule
