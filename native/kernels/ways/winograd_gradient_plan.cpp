#include "ways/winograd_gradient.hpp"

#include <algorithm>

namespace striate {
namespace {

constexpr int64_t most_channels = 64;  // channels and filters of a task: its products fill half a second cache
constexpr double part_bytes = 6e6;     // about what a part's transformed tiles take
constexpr int64_t tasks_per_thread = 4;

// What parts of the call cost, in slots of one vector multiply-add.
constexpr double chain_slots = 2;   // a vector of sums at the end of a chain
constexpr double back_slots = 200;  // a vector of filters and a channel, transformed back
constexpr double tile_slots = 300;  // a vector's tile, transformed
constexpr double worth = 0.8;       // of the time of the other kernels

}  // namespace

bool winograd_gradient_computes(const Problem& p) {
    return p.dtype == DType::float32 && p.kh == 3 && p.kw == 3 && p.sh == 1 && p.sw == 1 && p.dh == 1 && p.dw == 1;
}

bool worth_winograd_gradient(const Problem& p, int64_t lanes) {
    if (!winograd_gradient_computes(p)) return false;
    const WinogradGradientPlan d = plan_winograd_gradient(p, lanes, 1);
    if (double(d.transformed_bytes() + d.workspace()) > p.workspace_limit()) return false;
    const double tiles = double(d.all_rows() * d.tiles_x), parts = double(ceil_div(d.all_rows(), d.part_rows));
    const double chains = std::max(parts, tiles / double(WinogradGradientPlan::chain));
    const double channels = double(d.c_vectors() * lanes), vectors = double(d.k_vectors());
    const double products = channels * vectors * double(d.spots) * (tiles + chains * chain_slots);
    const double slots =
        products + channels * vectors * parts * back_slots + double(d.c_vectors() + d.k_vectors()) * tiles * tile_slots;
    const double otherwise = double(p.group_c() * p.taps() * p.n * p.oh * p.ow) * vectors;
    return slots < worth * otherwise;
}

WinogradGradientPlan plan_winograd_gradient(const Problem& p, int64_t lanes, int threads) {
    WinogradGradientPlan d{};
    d.p = p;
    d.lanes = lanes;
    d.tiles_y = ceil_div(p.oh, d.m);
    d.tiles_x = ceil_div(p.ow, d.m);
    d.part_rows = 1;
    const double row_bytes = double(d.vectors() * d.spots * d.tiles_x * lanes) * sizeof(float);
    const int64_t most = std::clamp(int64_t(part_bytes / row_bytes), int64_t(1), d.all_rows());
    d.part_rows = ceil_div(d.all_rows(), ceil_div(d.all_rows(), most));
    d.c_block = std::clamp(most_channels / lanes, int64_t(1), d.c_vectors());
    d.k_block = std::clamp(most_channels / lanes, int64_t(1), d.k_vectors());
    while (threads > 1 && d.tasks() < tasks_per_thread * threads && d.c_block * d.k_block > 1) {
        int64_t& larger = d.c_block < d.k_block ? d.k_block : d.c_block;
        larger = ceil_div(larger, int64_t(2));
    }
    return d;
}

}  // namespace striate
