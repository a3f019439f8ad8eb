// The register block of both matrix products.
#pragma once

#include "simd/epilogue.hpp"
#include "ways/gemm.hpp"

namespace striate::STRIATE_TARGET {

inline constexpr bool many_registers = vector_bytes == 64;
inline constexpr int most_gemm_rows = many_registers ? 14 : 6, most_gemm_vectors = many_registers ? 8 : 6;

// Where the register block goes: added to `sums` (stored there where `first`), and then, where `out` is not null, with
// the bias of its rows to the rows of the output, `plane` apart.
struct GemmSink {
    float* sums;
    bool first;
    float* out;
    int64_t plane;
    const float* bias;
    Limits<float> limits;
    const float* ahead;  // what to bring into the second cache meanwhile: one line per step, `ahead_pitch` apart
    int64_t ahead_pitch;
};

// Numbers to broadcast: rows of them, one per step.
struct Rows {
    const float* at;
    int64_t pitch;

    const float* next() {
        const float* const now = at;
        at += pitch;
        return now;
    }
};

// Or neighbouring pixels as they stand in the input: one step for each channel and tap, at its offset from the field's
// start.
struct Fields {
    const float* start;
    const int64_t* offsets;

    const float* next() { return start + *offsets++; }
};

// acc[i][v] = sum over c of numbers[c][i] * vectors[c][v], by rows of numbers and vectors: of[rows - 1][vectors - 1]
// where gemm_vectors gives as many.
template <class Numbers>
struct Multiplies {
    void (*of[most_gemm_rows][most_gemm_vectors])(int64_t channels, Numbers numbers, const float* vectors,
                                                  int64_t pitch, const GemmSink& sink);
};
extern const Multiplies<Rows> multiply_rows;
extern const Multiplies<Fields> multiply_fields;

}  // namespace striate::STRIATE_TARGET
