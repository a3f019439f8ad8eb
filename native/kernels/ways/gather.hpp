// The panels of pixels that a matrix product multiplies: for each channel and tap, what it reads for a block of pixels.
#pragma once

#include "simd/rows.hpp"
#include "simd/transpose.hpp"
#include "ways/gemm_block.hpp"

namespace striate::STRIATE_TARGET {

// Pixels of a panel that lie together in the input.
struct Run {
    const float* from;
    int64_t count;
};

// Pixels of a panel that lie in one row of the output, at most a vector of them.
struct Piece {
    const float* image;  // the group's first channel
    int64_t at, count;   // in the panel
    int64_t y, x;        // of the first pixel's field in the input
};

struct Gatherer {
    static constexpr int L = lanes<float>,
                         widest = most_gemm_vectors * L > most_gemm_rows ? most_gemm_vectors * L : most_gemm_rows;
    static constexpr int most_reach = 1024;  // pixels of a row that a vector of pixels reads
    using V = Vec<float>;

    const GemmPlan& g;
    const Args& a;
    int64_t image, group;

    const Problem& p = g.p;
    int64_t in_plane = p.h * p.w, plane = p.oh * p.ow;
    int64_t reds = g.reds(), taps = p.taps();
    const float* x = static_cast<const float*>(a.x);
    const float* stop = x + p.input_count();
    bool contiguous = g.contiguous();
    bool fours = p.sw > 2 && p.dw == 1 && p.kw > 1 && (L - 1) * p.sw + p.kw + 3 <= most_reach;

    // The group's first channel.
    const float* input(int64_t of) const { return x + (of * p.c + group * p.group_c()) * in_plane; }

    // The runs of pixels [q, q + count) in channel c, where they stand as in the input; returns how many.
    int64_t find_runs(int64_t q, int64_t count, int64_t c, Run* runs) const {
        int64_t of = g.deep ? q / plane : image, at = g.deep ? q % plane : q;
        Run* run = runs;
        for (int64_t found; count > 0; count -= found) {
            found = least(count, plane - at);
            *run++ = {input(of++) + c * in_plane + at, found};
            at = 0;
        }
        return run - runs;
    }

    // to[i][j] = pixel q + j of channel first + i, 0 <= i < channels, 0 <= j < count <= width, rows `width` apart.
    // Writes up to a vector past the end.
    void copy_panel(int64_t q, int64_t count, int64_t first, int64_t channels, int64_t width, float* to) const {
        Run runs[widest];
        const int64_t found = find_runs(q, count, first, runs), vectors = ceil_div(count, L);
        int64_t c = 0;
        if (found == 1) {
            // Whole vectors, as far as these end within the input.
            const int64_t room = stop - runs[0].from - vectors * L;
            c = room < 0 ? 0 : least(channels, room / in_plane + 1);
            static_for<most_gemm_vectors>([&](auto v) INLINE {
                if (vectors != v + 1) return;
                const float* from = runs[0].from;
                float* at = to;
                for (int64_t i = 0; i < c; ++i, from += in_plane, at += width)
                    static_for<v + 1>([&](auto j) INLINE { store<float>(at + j * L, load<float>(from + j * L)); });
            });
        }
        for (; c < channels; ++c) {
            float* at = to + c * width;
            for (int64_t r = 0; r < found; at += runs[r++].count) {
                const float* from = runs[r].from + c * in_plane;
                if (runs[r].count == 1) *at = *from;
                else copy_row<float>(at, from, runs[r].count, 0, 1, runs[r].count);
            }
        }
    }

    // The pieces of pixels [q, q + count); returns their end.
    Piece* find_pieces(int64_t q, int64_t count, Piece* piece) const {
        int64_t of = g.deep ? q / plane : image, at = 0;
        int64_t oy = (g.deep ? q % plane : q) / p.ow, ox = q % p.ow;
        while (at < count) {
            const int64_t found = least<int64_t>(least(count - at, p.ow - ox), L);
            *piece++ = {input(of), at, found, oy * p.sh - p.pad_top, ox * p.sw - p.pad_left};
            at += found;
            ox += found;
            if (ox == p.ow) ox = 0, ++oy;
            if (oy == p.oh) oy = 0, ++of;
        }
        return piece;
    }

    // As gather_piece, for wide strides without dilation: four taps of four pixels at a time, transposed in registers.
    void gather_fours(const Piece& piece, int64_t channel, int64_t channels, int64_t width, float* to) const {
        const int64_t kh = p.kh, kw = p.kw, sw = p.sw, reach = (L - 1) * sw + ceil_div(kw, 4) * 4;
        const int64_t count = piece.at + L <= width ? L : piece.count;
        const bool inside = piece.x >= 0 && piece.x + (piece.count - 1) * sw + kw <= p.w;
        float padded[most_reach];
        to += channel * taps * width + piece.at;
        for (int64_t c = channel; c < channel + channels; ++c)
            for (int64_t r = 0; r < kh; ++r, to += kw * width) {
                const int64_t y = piece.y + r * p.dh;
                const float* const row = y >= 0 && y < p.h ? piece.image + c * in_plane + y * p.w : nullptr;
                const bool readable = row && inside && stop - (row + piece.x) >= reach;
                if (!readable) copy_row<float>(padded, row, p.w, piece.x, 1, reach);
                const float* const from = readable ? row + piece.x : padded;
                for (int64_t s = 0; s < kw; s += 4) {
                    V v[4];
                    const float* at = from + s;
                    static_for<4>([&](auto i) INLINE {
                        v[i] = load_fours(at, 4 * sw);
                        at += sw;
                        asm(""
                            : "+r"(at));  // sixteen addresses, each kept from four to four, would not fit the registers
                    });
                    transpose_fours<float>(v);
                    static_for<4>([&](auto i) INLINE {
                        if (s + i < kw) store_first<float>(to + (s + i) * width, v[i], count);
                    });
                }
            }
    }

    // What the taps of `channels` channels from `channel` on read for a piece: rows of `to`, `width` apart, one per
    // channel and tap. Writes whole vectors where these end within `width`.
    void gather_piece(const Piece& piece, int64_t channel, int64_t channels, int64_t width, float* to) const {
        if (fours) return gather_fours(piece, channel, channels, width, to);
        const int64_t kh = p.kh, kw = p.kw, pitch = taps * width, count = piece.at + L <= width ? L : piece.count;
        to += channel * pitch + piece.at;
        for (int64_t s = 0, step = 1; s < kw; s += step) {
            const int64_t x = piece.x + s * p.dw;
            // Two neighbouring taps of stride 2 are the even and the odd ones of the same pixels.
            step = p.sw == 2 && p.dw == 1 && s + 1 < kw ? 2 : 1;
            const bool pair = step == 2, narrow = !pair && 2 * piece.count <= L;
            const Span<float> span = span_inside<float>(x, p.w), next = span_inside<float>(x + L, p.w);
            // The ends of the next block's piece, if it is in the same row; 0 asks for nothing but what is read now.
            const int64_t ahead = g.far && s == 0 ? width * 2 + L - 1 : 0;
            for (int64_t r = 0; r < kh; ++r) {
                const int64_t y = piece.y + r * p.dh;
                const float* from = piece.image + channel * in_plane + y * p.w + x;
                float* at = to + (r * kw + s) * width;
                const auto each = [&](auto put) INLINE {
                    for (int64_t c = 0; c < channels; ++c, from += in_plane, at += pitch) put();
                };
                if (y < 0 || y >= p.h)
                    each([&]() INLINE {
                        store_first<float>(at, V{}, count);
                        if (pair) store_first<float>(at + width, V{}, count);
                    });
                else if (p.sw > 2)
                    each([&] {
                        for (int64_t j = 0, i = x; j < piece.count; ++j, i += p.sw)
                            at[j] = 0 <= i && i < p.w ? from[j * p.sw] : 0.0f;
                    });
                else if (p.sw == 1) each([&]() INLINE { store_first<float>(at, load_span<float>(from, span), count); });
                else if (narrow)
                    each([&]() INLINE {
                        store_first<float>(at, even_lanes<float>(load_span<float>(from, span), V{}), count);
                    });
                else
                    each([&]() INLINE {
                        __builtin_prefetch(from + ahead, 0, 2);
                        __builtin_prefetch(from + ahead + L, 0, 2);
                        const V low = load_span<float>(from, span), high = load_span<float>(from + L, next);
                        store_first<float>(at, even_lanes<float>(low, high), count);
                        if (pair) store_first<float>(at + width, odd_lanes<float>(low, high), count);
                    });
            }
        }
    }

    // panel[i][j] = what tap i % taps of channel i / taps reads for pixel q + j, 0 <= j < count <= width, rows `width`
    // apart. Writes up to a vector past the end.
    void fill_panel(int64_t q, int64_t count, int64_t width, float* to) const {
        if (contiguous) return copy_panel(q, count, 0, reds, width, to);
        // Channels whose pixels stay in the first cache from tap to tap; planes a multiple of 4 KiB apart share a set
        // of lines.
        const int64_t some = in_plane % 1024 == 0 ? 8 : 32;
        Piece pieces[widest];
        const Piece* const end = find_pieces(q, count, pieces);
        const int64_t group_c = p.group_c();
        for (int64_t c = 0; c < group_c; c += some)
            for (const Piece* piece = pieces; piece < end; ++piece)
                gather_piece(*piece, c, least(some, group_c - c), width, to);
    }
};

}  // namespace striate::STRIATE_TARGET
