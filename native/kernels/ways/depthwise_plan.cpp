#include "ways/depthwise.hpp"

#include "ways/schedule.hpp"
#include "ways/task_way.hpp"

#include <algorithm>
#include <cmath>

namespace striate {
namespace {

// What a call's parts cost, in slots of one vector multiply-add where nothing else is said. `python benchmarks/costs.py
// depthwise` measures them: for each, shapes that differ in it, with the times measured and predicted.
struct Costs {
    double side_by_side = 1.5;         // by rows: multiply-adds and shuffles together in the time of one
    double load = 0.3;                 // a load of a row,
    double edge = 1, edge_long = 0.5;  // of which there are so many more for each vector, and for one of 16 numbers
    double output = 1;                 // a vector of outputs
    double strip = 20;                 // two vectors of columns of a channel
    double tap = 1.1, tap_few = 1.3;   // by channels: a multiply-add, and with few registers
    double tap_row = 4;                // a row of taps, beside two for each column
    double transpose = 2.5;            // a vector of a transposition, beside one for each doubling of the lanes
    double put = 4;                    // a vector of outputs
    double hidden = 0.3;   // of computing and moving, the share of the shorter that does not hide behind the longer
    double pack_ns = 0.2;  // packing, for each byte packed
};
constexpr Costs costs;

// Pairs of an output place and a tap that falls on the map, along one axis.
double pairs(int64_t outputs, int64_t taps, int64_t stride, int64_t dilation, int64_t before, int64_t size) {
    int64_t sum = 0;
    for (int64_t s = 0; s < taps; ++s) {
        const int64_t at = s * dilation - before;  // outputs o with 0 <= o * stride + at < size
        const int64_t first = at < 0 ? ceil_div(-at, stride) : 0,
                      stop = size > at ? std::min(outputs, ceil_div(size - at, stride)) : 0;
        sum += std::max<int64_t>(0, stop - first);
    }
    return double(sum);
}

// Slots of one output channel in one band, by rows. Shuffles go beside multiply-adds.
double row_slots(const DepthwisePlan& d) {
    const Problem& p = d.p;
    const double vectors = double(ceil_div(p.ow, d.lanes)), rows = double(d.rows), k = double(p.kh), s = double(p.sh);
    const double read = std::min(double(p.h), rows * s + std::max(0.0, k - s));
    const double fused = read * vectors * k * k / s, shuffles = read * vectors * (s == 1 ? k - 1 : k + 2);
    const double loads = read * vectors * (s + (d.lanes >= 16 ? costs.edge_long : costs.edge));
    return std::max(fused, (fused + shuffles) / costs.side_by_side) + costs.load * loads +
           costs.output * rows * vectors + costs.strip * std::ceil(vectors / 2);
}

// The same of `lanes` output channels, by channels.
double channel_slots(const DepthwisePlan& d, const Machine& m) {
    const Problem& p = d.p;
    const double across = pairs(p.ow, p.kw, 1, p.dw, p.pad_left, p.w),
                 down = pairs(p.oh, p.kh, 1, p.dh, p.pad_top, p.h);
    const double width = double(d.lanes), turns = double(ceil_div(p.h * p.w, d.lanes) + ceil_div(p.oh * p.ow, d.lanes));
    const double fused = across * down * (m.target->many_registers ? costs.tap : costs.tap_few);
    return fused + down * (double(2 * p.w) + costs.tap_row) + turns * width * (std::log2(width) + costs.transpose) +
           costs.put * double(p.oh * p.ow);
}

double cost(const DepthwisePlan& d, const Machine& m, int threads) {
    const Problem& p = d.p;
    const double slots = d.by_channel ? channel_slots(d, m) : row_slots(d) * double(p.group_k());
    const Schedule schedule{m, threads, p.n, d.blocks, d.bands, 1};
    const double bytes = double((p.input_count() + p.output_count()) * p.element_bytes() + int64_t(d.packed_bytes()));
    const double begin = Schedule::begin(d.bands > 1 ? double(d.block * p.group_k()) : 0);
    const double compute = schedule.spread(begin + double(d.block) * slots / m.fma_rate, bytes),
                 moved = schedule.beyond(bytes);
    return std::max(compute, moved) + costs.hidden * std::min(compute, moved) + schedule.around();
}

// The cheapest split of one of the two forms into tasks.
DepthwisePlan split(DepthwisePlan d, const Machine& m, int threads, double* us) {
    const Problem& p = d.p;
    const int64_t channels = d.by_channel ? d.lane_groups() : p.c;
    DepthwisePlan best{};
    *us = INFINITY;
    for (int64_t bands = 1; bands <= (d.by_channel ? 1 : std::min<int64_t>(p.oh, 4 * threads)); bands *= 2) {
        d.rows = ceil_div(p.oh, bands);
        d.bands = ceil_div(p.oh, d.rows);
        for (int64_t blocks = 1; blocks <= std::min<int64_t>(channels, 8 * threads); ++blocks) {
            d.block = ceil_div(channels, blocks);
            d.blocks = ceil_div(channels, d.block);
            const double predicted = cost(d, m, threads);
            if (predicted < *us) {
                *us = predicted;
                best = d;
            }
        }
    }
    return best;
}

class Depthwise : public TaskWay<DepthwisePlan> {
public:
    // The kernel leaves out taps in the padding, where a weight that is not finite makes NaN of a zero: `whole` does
    // not, and computes with such weights. It is null where nothing is padded.
    Depthwise(Facts known, const DepthwisePlan& plan, TaskOf<DepthwisePlan> task, std::unique_ptr<const Way> whole)
        : TaskWay(std::move(known), plan, task), whole_(std::move(whole)) {}

    void pack(const void* weight, void* packed) const override {
        const bool finite = with_element(plan_.p.dtype, [&]<class T>() { return pack_as<T>(weight, packed); });
        if (!whole_) return;
        static_cast<char*>(packed)[plan_.packed_bytes()] = finite;
        if (!finite) whole_->pack(weight, static_cast<char*>(packed) + aligned(plan_.packed_bytes() + 1));
    }

    void run(const Args& args, int threads) const override {
        const char* const packed = static_cast<const char*>(args.packed);
        if (!whole_ || packed[plan_.packed_bytes()]) return TaskWay::run(args, threads);
        Args with = args;
        with.packed = packed + aligned(plan_.packed_bytes() + 1);
        whole_->run(with, whole_->affordable(plan_.p, threads));
    }

private:
    // As given by rows; (lane group, tap, lane) by channels, where channels past the last weigh zero. Whether all are
    // finite.
    template <class T>
    bool pack_as(const void* weight, void* packed) const {
        const Problem& p = plan_.p;
        const T* from = static_cast<const T*>(weight);
        T* const to = static_cast<T*>(packed);
        const bool finite = std::all_of(from, from + p.weight_count(), [](T w) { return std::isfinite(w); });
        if (!plan_.by_channel) {
            std::copy(from, from + p.weight_count(), to);
            return finite;
        }
        const int64_t lanes = plan_.lanes;
        for (int64_t k = 0; k < plan_.lane_groups() * lanes; ++k)
            for (int64_t tap = 0; tap < p.taps(); ++tap)
                to[(k / lanes * p.taps() + tap) * lanes + k % lanes] = k < p.k ? from[k * p.taps() + tap] : T(0);
        return finite;
    }

    std::unique_ptr<const Way> whole_;
};

bool rows_fit(const Problem& p) {
    return p.kh == p.kw && p.kh % 2 == 1 && p.kh >= 3 && p.kh <= 9 && p.sh == p.sw && p.sh <= 2 && p.dh == 1 &&
           p.dw == 1;
}

bool channels_fit(const DepthwisePlan& d) {
    const Problem& p = d.p;
    return p.sh == 1 && p.sw == 1 && p.w == p.ow && p.w <= d.widest_map && 4 * d.workspace() <= size_t(1) << 22;
}

// Behind packed weights stands whether all are finite, then what `whole` packs.
Facts facts_of(const DepthwisePlan& d, const Way* whole, double predicted_us) {
    const size_t packed_bytes = d.packed_bytes();
    return {.promise = promises::depthwise,
            .blocking = {{"lanes_are_channels", d.by_channel},
                         {"rows", d.rows},
                         {"channel_block", d.block},
                         {"tasks", d.tasks()}},
            .packing = {d.by_channel},
            .packed_bytes = whole ? aligned(packed_bytes + 1) + whole->facts.packed_bytes : packed_bytes,
            .workspace_bytes = d.workspace(),
            .predicted_us = predicted_us,
            .pack_ns = costs.pack_ns};
}

}  // namespace

Offer offer_depthwise(const Problem& p, const Machine& m, const Use& use) {
    if (p.group_c() != 1) return {nullptr, "depthwise needs one input channel per group"};
    DepthwisePlan d{};
    d.p = p;
    d.lanes = m.target->lanes(p.dtype);
    double rows_us = INFINITY, channels_us = INFINITY, us;
    if (rows_fit(p)) split(d, m, deciding_threads, &rows_us);
    d.by_channel = true;
    if (channels_fit(d)) split(d, m, deciding_threads, &channels_us);
    if (!std::isfinite(std::min(rows_us, channels_us)))
        return {nullptr,
                "depthwise needs a square kernel of 3, 5, 7 or 9, stride 1 or 2 and dilation 1, or outputs as wide as "
                "a map of at most " +
                    std::to_string(d.widest_map) + " columns and stride 1"};
    // The form decides the bits, so it does not depend on the number of threads.
    d.by_channel = channels_us < rows_us;
    d = split(d, m, use.threads, &us);
    auto whole = p.padded() ? offer_direct(p, m, use).way : nullptr;
    const Facts facts = facts_of(d, whole.get(), us);
    return {std::make_unique<Depthwise>(facts, d, m.target->depthwise.of(p.dtype), std::move(whole)), {}};
}

}  // namespace striate
