    wire [31:0] c_KEY_beats, c_KEY_errors;
    signbit_checker #(.WIDTH(BITS_OF), .BEATS(BEATS_OF), .FILE("FILE_OF")) c_KEY (
        .clk(clk), .beat(BEAT_OF),
        .data(DATA_OF), .beats(c_KEY_beats), .errors(c_KEY_errors)
    );
