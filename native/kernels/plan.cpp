#include "plan.hpp"

#include "pool.hpp"
#include "targets.hpp"

#include <algorithm>
#include <stdexcept>

namespace striate {
namespace {

std::string layout_of(const Way& way, const Problem& p) {
    std::string text = way.name + (p.dtype == DType::float32 ? " float32" : " float64");
    for (int64_t size : {p.k, p.group_c(), p.kh, p.kw, p.groups}) text += " " + std::to_string(size);
    text += ":";
    for (int64_t number : way.packing) text += " " + std::to_string(number);
    return text;
}

}  // namespace

Plan::Plan(const Problem& problem, const std::string& algorithm, bool strict, int threads)
    : problem_(checked(problem)), threads_(threads > 0 ? std::min(threads, 256) : get_threads()) {
    const Machine& machine = machine_for(chosen_target());
    std::string names, refusal;
    double least_us = 0;
    for (const WayName& candidate : ways()) {
        names += (names.empty() ? "'" : ", '") + std::string(candidate.name) + "'";
        Offer offer = candidate.offer(problem_, machine, deciding_threads);
        if (algorithm == candidate.name) refusal = offer.refusal;
        if (!offer.way) continue;
        const double us = offer.way->predicted_us;
        auto way = threads_ == deciding_threads ? std::move(offer.way) : candidate.offer(problem_, machine, threads_).way;
        candidates_.emplace_back(way->name, way->predicted_us);
        if (algorithm == "auto") {
            if ((strict && !way->strict()) || (way_ && least_us <= us)) continue;
            least_us = us;
        } else if (algorithm != candidate.name) {
            continue;
        }
        way_ = std::move(way);
    }
    std::sort(candidates_.begin(), candidates_.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    if (!refusal.empty()) throw std::invalid_argument("algorithm '" + algorithm + "' cannot compute this: " + refusal);
    if (!way_) throw std::invalid_argument("algorithm must be 'auto' or one of " + names + ", got '" + algorithm + "'");
    const double affordable = problem_.workspace_limit() / double(std::max<size_t>(way_->workspace_bytes, 1));
    threads_ = std::max(1, int(std::min(affordable, double(threads_))));
    layout_ = layout_of(*way_, problem_);
}

std::shared_ptr<const Packed> Plan::pack(const void* weight) const {
    auto packed = std::make_shared<Packed>(way_->packed_bytes, layout_);
    way_->pack(weight, packed->data());
    return packed;
}

void Plan::run(const void* x, const Packed& packed, const void* bias, Activation activation, void* out) const {
    if (packed.layout() != layout_)
        throw std::invalid_argument("packed weights have another layout: got '" + packed.layout() + "', need '" + layout_ + "'");
    way_->run({x, packed.data(), bias, out, activation}, threads_);
}

void Plan::run_unpacked(const void* x, const void* weight, const void* bias, Activation activation, void* out) const {
    alignas(64) char few[4096];
    if (way_->packed_bytes > sizeof few) return run(x, *pack(weight), bias, activation, out);
    way_->pack(weight, few);
    way_->run({x, few, bias, out, activation}, threads_);
}

}  // namespace striate
