#include "ways/gemm.hpp"

#include "simd/epilogue.hpp"
#include "base/pool.hpp"
#include "simd/rows.hpp"
#include "simd/transpose.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int L = lanes<float>;
constexpr bool many_registers = vector_bytes == 64;
constexpr int max_rows = many_registers ? 14 : 6, max_vectors = many_registers ? 8 : 6;
constexpr int max_width = max_vectors * L > max_rows ? max_vectors * L : max_rows;
constexpr int most_reach = 1024;  // pixels of a row that a vector of pixels reads
constexpr int line = 16;  // numbers per cache line
using V = Vec<float>;

// Where the register block goes: added to `sums` (stored there where `first`), and then, where `out` is not null, with the
// bias of its rows to the rows of the output, `plane` apart.
struct Sink {
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

// Or neighbouring pixels as they stand in the input: one step for each channel and tap, at its offset from the field's start.
struct Fields {
    const float* start;
    const int64_t* offsets;

    const float* next() { return start + *offsets++; }
};

// acc[i][v] = sum over c of numbers[c][i] * vectors[c][v]: ROWS numbers by NV vectors, held in registers.
template <int ROWS, int NV, class Numbers>
void multiply(int64_t channels, Numbers numbers, const float* vectors, int64_t pitch, const Sink& sink) {
    V acc[ROWS * NV];
    static_for<ROWS * NV>([&](auto i) __attribute__((always_inline)) { acc[i] = V{}; });
    if (sink.out)
        static_for<ROWS * NV>([&](auto i) __attribute__((always_inline)) {
            __builtin_prefetch(sink.out + i / NV * sink.plane + i % NV * L + L - 1, 1);
        });
    const float* ahead = sink.ahead;
    const int64_t ahead_pitch = sink.ahead_pitch;
    for (int64_t c = 0; c < channels; ++c) {
        const float* const number = numbers.next();
        __builtin_prefetch(ahead, 0, 2);
        V in[NV];
        static_for<NV>([&](auto v) __attribute__((always_inline)) { in[v] = load<float>(vectors + v * L); });
        static_for<ROWS>([&](auto i) __attribute__((always_inline)) {
            const V value = broadcast(number[i]);
            static_for<NV>([&](auto v) __attribute__((always_inline)) { acc[i * NV + v] += value * in[v]; });
        });
        vectors += pitch;
        ahead += ahead_pitch;
    }
    // Keeps the compiler from moving multiply-adds behind the stores, which spills the block.
    static_for<ROWS * NV>([&](auto i) __attribute__((always_inline)) { settle(acc[i]); });
    float* const sums = sink.sums;
    if (!sink.first)
        static_for<ROWS * NV>([&](auto i) __attribute__((always_inline)) { acc[i] = load<float>(sums + i * L) + acc[i]; });
    if (!sink.out)
        return static_for<ROWS * NV>([&](auto i) __attribute__((always_inline)) { store<float>(sums + i * L, acc[i]); });
    float* out = sink.out;
    const Limits<float> limits = sink.limits;
    if (!sink.bias && !limits.any) {
        static_for<ROWS>([&](auto i) __attribute__((always_inline)) {
            static_for<NV>([&](auto v) __attribute__((always_inline)) { store<float>(out + v * L, acc[i * NV + v]); });
            out += sink.plane;
        });
        return;
    }
    static_for<ROWS>([&](auto i) __attribute__((always_inline)) {
        const V bias = broadcast(sink.bias ? sink.bias[i] : 0.0f);
        static_for<NV>([&](auto v) __attribute__((always_inline)) { store<float>(out + v * L, limits.clamp(acc[i * NV + v] + bias)); });
        out += sink.plane;
    });
}

template <class Numbers>
struct Multiplies {
    void (*of[max_rows][max_vectors])(int64_t, Numbers, const float*, int64_t, const Sink&);
    constexpr Multiplies() : of{} {
        static_for<max_rows>([&](auto i) {
            static_for<gemm_vectors(i + 1, many_registers)>([&](auto v) { of[i][v] = multiply<i + 1, v + 1, Numbers>; });
        });
    }
};
template <class Numbers>
constexpr Multiplies<Numbers> multiplies;

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

struct Task {
    const GemmPlan& g;
    const Args& a;
    int64_t image, group;
    int64_t q0, q1;          // pixels of the output: of the image, or of all images where they are joined
    int64_t block0, block1;  // blocks of output channels
    float *panel, *sums;
    int64_t* offsets;
    Limits<float> limits;

    const Problem& p = g.p;
    int64_t in_plane = p.h * p.w, plane = p.oh * p.ow;
    int64_t reds = g.reds(), taps = p.taps();
    const float* stop = static_cast<const float*>(a.x) + p.input_count();
    const float* bias = a.bias ? static_cast<const float*>(a.bias) + group * p.group_k() : nullptr;
    const float* weight = static_cast<const float*>(a.packed) + group * g.group_elements();
    bool contiguous = g.contiguous(), chained = g.chained();
    bool fours = p.sw > 2 && p.dw == 1 && p.kw > 1 && (L - 1) * p.sw + p.kw + 3 <= most_reach;
    int64_t origin = find_origin();
    int64_t k_unit = g.k_unit(), k_units = g.k_units(), k_blocks = g.k_blocks();

    // The plan's, without the divisions that are the same every time.
    int64_t k_start(int64_t block) const { return block * k_units / k_blocks * k_unit; }
    const float* input(int64_t of) const {
        return static_cast<const float*>(a.x) + (of * p.c + group * p.group_c()) * in_plane;
    }
    float* output(int64_t of, int64_t k) const {
        return static_cast<float*>(a.out) + (of * p.k + group * p.group_k() + k) * plane;
    }

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

    // to[i][j] = pixel q + j of channel first + i, 0 <= i < channels, 0 <= j < count <= width, rows `width` apart. Writes up to a
    // vector past the end.
    void copy_panel(int64_t q, int64_t count, int64_t first, int64_t channels, int64_t width, float* to) const {
        Run runs[max_width];
        const int64_t found = find_runs(q, count, first, runs), vectors = ceil_div(count, L);
        int64_t c = 0;
        if (found == 1) {
            // Whole vectors, as far as these end within the input.
            const int64_t room = stop - runs[0].from - vectors * L;
            c = room < 0 ? 0 : least(channels, room / in_plane + 1);
            static_for<max_vectors>([&](auto v) __attribute__((always_inline)) {
                if (vectors != v + 1) return;
                const float* from = runs[0].from;
                float* at = to;
                for (int64_t i = 0; i < c; ++i, from += in_plane, at += width)
                    static_for<v + 1>([&](auto j) __attribute__((always_inline)) { store<float>(at + j * L, load<float>(from + j * L)); });
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
                    static_for<4>([&](auto i) __attribute__((always_inline)) {
                        v[i] = load_fours(at, 4 * sw);
                        at += sw;
                        asm("" : "+r"(at));  // sixteen addresses, each kept from four to four, would not fit the registers
                    });
                    transpose_fours<float>(v);
                    static_for<4>([&](auto i) __attribute__((always_inline)) {
                        if (s + i < kw) store_first<float>(to + (s + i) * width, v[i], count);
                    });
                }
            }
    }

    // What the taps of `channels` channels from `channel` on read for a piece: rows of `to`, `width` apart, one per channel and
    // tap. Writes whole vectors where these end within `width`.
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
                const auto each = [&](auto put) __attribute__((always_inline)) {
                    for (int64_t c = 0; c < channels; ++c, from += in_plane, at += pitch) put();
                };
                if (y < 0 || y >= p.h)
                    each([&]() __attribute__((always_inline)) {
                        store_first<float>(at, V{}, count);
                        if (pair) store_first<float>(at + width, V{}, count);
                    });
                else if (p.sw > 2)
                    each([&] {
                        for (int64_t j = 0, i = x; j < piece.count; ++j, i += p.sw) at[j] = 0 <= i && i < p.w ? from[j * p.sw] : 0.0f;
                    });
                else if (p.sw == 1)
                    each([&]() __attribute__((always_inline)) { store_first<float>(at, load_span<float>(from, span), count); });
                else if (narrow)
                    each([&]() __attribute__((always_inline)) {
                        store_first<float>(at, even_lanes<float>(load_span<float>(from, span), V{}), count);
                    });
                else
                    each([&]() __attribute__((always_inline)) {
                        __builtin_prefetch(from + ahead, 0, 2);
                        __builtin_prefetch(from + ahead + L, 0, 2);
                        const V low = load_span<float>(from, span), high = load_span<float>(from + L, next);
                        store_first<float>(at, even_lanes<float>(low, high), count);
                        if (pair) store_first<float>(at + width, odd_lanes<float>(low, high), count);
                    });
            }
        }
    }

    // panel[i][j] = what tap i % taps of channel i / taps reads for pixel q + j, 0 <= j < count <= width, rows `width` apart.
    // Writes up to a vector past the end.
    void fill_panel(int64_t q, int64_t count, int64_t width, float* to) const {
        if (contiguous) return copy_panel(q, count, 0, reds, width, to);
        // Channels whose pixels stay in the first cache from tap to tap; planes a multiple of 4 KiB apart share a set of lines.
        const int64_t some = in_plane % 1024 == 0 ? 8 : 32;
        Piece pieces[max_width];
        const Piece* const end = find_pieces(q, count, pieces);
        const int64_t group_c = p.group_c();
        for (int64_t c = 0; c < group_c; c += some)
            for (const Piece* piece = pieces; piece < end; ++piece)
                gather_piece(*piece, c, least(some, group_c - c), width, to);
    }

    // Calls visit(q, count) for every block of pixels.
    template <class Visit>
    void each_block(const Visit& visit) const {
        const int64_t span = g.by_rows ? p.ow : q1 - q0, blocks = ceil_div(span, g.rows);
        for (int64_t q = q0; q < q1; q += span)
            for (int64_t b = 0, start = 0; b < blocks; ++b) {
                const int64_t end = (b + 1) * span / blocks;
                visit(q + start, end - start);
                start = end;
            }
    }

    // Of what each channel and tap reads for a pixel, from where the pixel's field starts.
    void fill_offsets() const {
        int64_t* to = offsets;
        for (int64_t c = 0; c < p.group_c(); ++c)
            for (int64_t r = 0; r < p.kh; ++r)
                for (int64_t s = 0; s < p.kw; ++s) *to++ = c * g.channel_step() + r * p.dh * g.row_step() + s * p.dw;
    }

    // The rows that the task's fields cover, with their padding.
    void fill_rows() const {
        const int64_t top = q0 / p.ow * p.sh - p.pad_top;
        for (int64_t c = 0; c < p.group_c(); ++c) {
            const float* const from = input(image) + c * in_plane;
            const auto row = [&](int64_t i) { return top + i >= 0 && top + i < p.h ? from + (top + i) * p.w : nullptr; };
            copy_rows<float>(panel + c * g.channel_step(), g.row_step(), g.field_rows(), row, p.w, -p.pad_left, 1);
        }
    }

    void fill_panels() const {
        float* to = panel;
        each_block([&](int64_t q, int64_t count) {
            fill_panel(q, count, g.row_pitch(), to);
            to += g.row_pitch() * reds;
        });
    }

    void run_deep() const {
        const int64_t pitch = g.in_place ? in_plane : g.row_pitch();
        const float* const rows = p.padded() ? panel : input(image) + q0 / p.ow * p.sh * p.w;
        for (int64_t kb = block0; kb < block1; ++kb) {
            const int64_t k0 = k_start(kb), nv = (k_start(kb + 1) - k0) / L;
            for (int64_t c = 0; c < reds; c += GemmPlan::chain) {
                const int64_t channels = least(GemmPlan::chain, reds - c);
                const float* const w = weight + k0 * reds + c * nv * L;
                int64_t b = 0;
                each_block([&](int64_t q, int64_t count) {
                    Sink sink{sums + (q - q0) * nv * L, c == 0, nullptr, 0, nullptr, limits, w, 0};
                    if (b < nv) {
                        sink.ahead = w + GemmPlan::chain * (nv * L + b * line);
                        sink.ahead_pitch = line;
                    }
                    if (g.by_rows) {
                        const float* const field = rows + (q - q0) / p.ow * p.sh * g.row_step() + q % p.ow;
                        multiplies<Fields>.of[count - 1][nv - 1](channels, {field, offsets + c}, w, nv * L, sink);
                    } else {
                        const float* const x = (g.in_place ? input(image) + q : panel + b * g.row_pitch() * reds) + c * pitch;
                        if (g.in_place && b >= nv && kb == block0) {
                            // The block after, or the next chain's first.
                            sink.ahead = (q + count < q1 ? x + count : x - (q - q0) + GemmPlan::chain * pitch) + g.rows - 1;
                            sink.ahead_pitch = pitch;
                        }
                        multiplies<Rows>.of[count - 1][nv - 1](channels, {x, pitch}, w, nv * L, sink);
                    }
                    ++b;
                });
            }
            for (int64_t q = q0; q < q1;) {
                const int64_t count = least(q1 - q, plane - q % plane);
                float* out = output(g.joined() ? q / plane : image, k0) + q % plane;
                for (int64_t v = 0; v < nv; ++v)
                    emit(sums + ((q - q0) * nv + v) * L, nv * L, count, out + v * L * plane, k0 + v * L);
                q += count;
            }
        }
    }

    // Stores `count` pixels of one image, whose sums stand as [pixel][channel], for the channels from k0 on.
    void emit(const float* from, int64_t pitch, int64_t count, float* out, int64_t k0) const {
        const int64_t channels = least<int64_t>(L, p.group_k() - k0);
        const V biases = !bias ? V{} : channels == L ? load<float>(bias + k0) : load_part<float>(bias + k0, channels);
        if (plane == 1) return store_first<float>(out, limits.clamp(load<float>(from) + biases), channels);
        for (int64_t j = 0; j < count; j += L) {
            // The last vector moves back where it can, so that it is whole. Lines written next are asked for.
            const int64_t s = count >= L ? least(j, count - L) : 0;
            V v[L];
            static_for<L>([&](auto i) __attribute__((always_inline)) { v[i] = s + i < count ? load<float>(from + (s + i) * pitch) : V{}; });
            if (bias || limits.any)
                static_for<L>([&](auto i) __attribute__((always_inline)) { v[i] = limits.clamp(v[i] + biases); });
            transpose<float>(v);
            float* to = out + s;
            static_for<L>([&](auto k) __attribute__((always_inline)) {
                if (k >= channels) return;
                if (count >= L) store<float>(to, v[k]);
                else store_part<float>(to, v[k], count);
                __builtin_prefetch(to + 2 * L - 1, 1);
                to += plane;
            });
        }
    }

    // Some vectors of pixels: where they start, where those that count start, and where they end.
    struct Block {
        int64_t nv, start, first, last;
        bool whole;

        int64_t count() const { return whole ? nv * L : last - first; }
    };

    // Where vectors of pixels start, at q0 or somewhat before, so that those read in place start with a cache line where every
    // channel's can.
    int64_t find_origin() const {
        if (g.deep || !g.in_place || in_plane % line != 0 || q1 - q0 < 4 * g.vectors * L) return q0;
        return q0 - int64_t(uintptr_t(input(image) + q0) / sizeof(float) % line);
    }

    Block block_at(int64_t b, int64_t blocks) const {
        const int64_t units = ceil_div(q1 - origin, L), v0 = b * units / blocks, nv = (b + 1) * units / blocks - v0, width = nv * L;
        const int64_t at = origin + v0 * L, first = most(at, q0), last = least(at + width, q1);
        // The first block moves on and the last one back where they can, so that they are whole: within the task, else within the
        // image.
        const bool whole = q1 - q0 >= width;
        return {nv, g.in_place || whole ? most<int64_t>(least(first, q1 - width), 0) : first, first, last, whole};
    }

    // Zeroes what the panel holds past the task's pixels, which takes part too.
    void clear_ends(int64_t width) const {
        const int64_t held = chained ? least(GemmPlan::chain, reds) : reds;
        for (int64_t i = 0; i < held; ++i) store<float>(panel + (i + 1) * width - L, V{});
    }

    void run_wide() const {
        const int64_t blocks = ceil_div(ceil_div(q1 - origin, L), g.vectors);
        Block some[GemmPlan::most_in_turn];
        for (int64_t b = 0; b < blocks; b += g.turn) {
            const int64_t in_turn = least(g.turn, blocks - b);
            for (int64_t i = 0; i < in_turn; ++i) some[i] = block_at(b + i, blocks);
            const Block& only = some[0];  // of a panel
            if (!g.in_place && !only.whole) clear_ends(only.nv * L);
            if (!g.in_place && !chained) fill_panel(only.start, only.count(), only.nv * L, panel);
            // A chain's pixels stay in the first cache while every block of output channels passes.
            for (int64_t c = 0; c < reds; c += GemmPlan::chain) {
                if (chained) copy_panel(only.start, only.count(), c, least(GemmPlan::chain, reds - c), only.nv * L, panel);
                for (int64_t kb = block0; kb < block1; ++kb)
                    for (int64_t i = 0; i < in_turn; ++i) multiply_wide(some[i], c, kb, b + g.turn < blocks);
            }
        }
    }

    // A block's chain from `c` on for a block of output channels; asks ahead for the pixels of the next turn, if there is one.
    void multiply_wide(const Block& block, int64_t c, int64_t kb, bool more) const {
        const int64_t channels = least(GemmPlan::chain, reds - c), width = block.nv * L;
        const int64_t k0 = k_start(kb), rows = k_start(kb + 1) - k0, vector = kb - block0;
        const bool ends = c + channels == reds, fetch = contiguous && more && vector < block.nv;
        float* const sum = sums + (reds > GemmPlan::chain ? (k0 - k_start(block0)) * width : 0);
        const int64_t ahead = block.first + (g.turn * g.vectors + vector) * L + L - 1;
        const int64_t pitch = g.in_place ? in_plane : width;
        const float* const in = (g.in_place ? input(image) + block.start : panel) + (chained ? 0 : c * pitch);
        const Sink sink{sum, c == 0, ends && block.whole ? output(image, k0) + block.start : nullptr, plane,
                        bias ? bias + k0 : nullptr, limits,
                        fetch ? input(image) + ahead + c * in_plane : in, fetch ? in_plane : 0};
        multiplies<Rows>.of[rows - 1][block.nv - 1](channels, {weight + k0 * reds + c * rows, rows}, in, pitch, sink);
        for (int64_t i = 0; ends && !block.whole && i < rows; ++i)
            emit_row<float>(output(image, k0 + i) + block.first, sum + i * width + block.first - block.start, block.last - block.first,
                            bias ? bias[k0 + i] : 0.0f, a.activation);
    }
};

}  // namespace

template <class T>
void gemm_task(const GemmPlan& g, const Args& a, const Unit& unit) {
    const int64_t k_task = unit.task % g.k_tasks, pixels = unit.task / g.k_tasks, pixel_task = pixels % g.pixel_tasks;
    const int64_t groups = pixels / g.pixel_tasks, pixel_unit = g.pixel_unit(), pixel_units = g.pixel_units();
    float* const panel = static_cast<float*>(unit.memory);
    float* const sums = panel + aligned(size_t(g.panel_elements()) * 4) / 4;
    int64_t* const offsets = reinterpret_cast<int64_t*>(sums + aligned(size_t(g.sum_elements()) * 4) / 4);
    const Task work{g, a, groups / g.p.groups, groups % g.p.groups,
                    pixel_task * pixel_units / g.pixel_tasks * pixel_unit,
                    least(g.pixels(), (pixel_task + 1) * pixel_units / g.pixel_tasks * pixel_unit),
                    k_task * g.k_blocks() / g.k_tasks, (k_task + 1) * g.k_blocks() / g.k_tasks,
                    panel, sums, offsets, Limits<float>(a.activation)};
    if (!g.deep) return work.run_wide();
    if (g.by_rows && unit.before < 0) work.fill_offsets();
    // The task before may have left the same pixels.
    if (unit.first(g.k_tasks)) {
        if (g.by_rows && g.p.padded()) work.fill_rows();
        else if (g.joined()) work.fill_panels();
    }
    work.run_deep();
}

template void gemm_task<float>(const GemmPlan&, const Args&, const Unit&);

}  // namespace striate::STRIATE_TARGET
