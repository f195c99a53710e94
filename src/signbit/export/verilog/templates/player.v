    wire STREAM_valid, STREAM_ready;
    wire [LAST_BIT:0] STREAM_data;
    signbit_player #(
        .WIDTH(BITS_OF), .BEATS(BEATS_OF), .SEED(SEED_OF),
        .FILE("FILE_OF")
    ) STREAM_player (
        .clk(clk), .rst(rst), .valid(STREAM_valid), .ready(STREAM_ready),
        .data(STREAM_data)
    );
