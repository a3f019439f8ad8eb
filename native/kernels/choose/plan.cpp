#include "choose/plan.hpp"

#include "base/pool.hpp"
#include "choose/machines.hpp"
#include "choose/targets.hpp"
#include "choose/ways.hpp"
#include "ways/pack.hpp"

#include <algorithm>
#include <stdexcept>

namespace striate {
namespace {

// Filtering of single channels keeps integers, zeros and signs, as other libraries' does, but for so much speed.
constexpr double worth_rounding = 2;

double price_of(const Way& way, const Problem& p) {
    return p.group_c() == 1 && p.group_k() == 1 && !way.facts.strict() ? worth_rounding : 1;
}

std::string layout_of(const Way& way, const Problem& p) {
    std::string text = way.facts.promise.name + std::string(" ") + name_of(p.dtype);
    for (int64_t size : {p.k, p.group_c(), p.kh, p.kw, p.groups}) text += " " + std::to_string(size);
    text += ":";
    for (int64_t number : way.facts.packing) text += " " + std::to_string(number);
    return text;
}

}  // namespace

Plan::Plan(const Problem& problem, const std::string& algorithm, bool strict, int threads, bool once)
    : problem_(checked(problem)), threads_(threads > 0 ? std::min(threads, 256) : get_threads()) {
    const Machine& machine = machine_for(chosen_target());
    std::string names, refusal;
    double least_us = 0, way_us = 0, other_us = 0;
    for (const ListedWay& candidate : ways()) {
        names += (names.empty() ? "'" : ", '") + std::string(candidate.promise.name) + "'";
        Offer offer = candidate.offer(problem_, machine, {deciding_threads, once});
        if (algorithm == candidate.promise.name) refusal = offer.refusal;
        if (!offer.way) continue;
        const double offer_us = offer.way->facts.predicted_us;
        const double losing = algorithm == "auto" ? price_of(*offer.way, problem_) : 1;
        const double us =
            losing * offer_us + (once ? double(offer.way->facts.packed_bytes) * offer.way->facts.pack_ns / 1e3 : 0);
        std::shared_ptr<const Way> way = threads_ == deciding_threads
                                             ? std::move(offer.way)
                                             : candidate.offer(problem_, machine, {threads_, once}).way;
        candidates_.emplace_back(way->facts.promise.name, way->facts.predicted_us);
        if (!way->facts.promise.spreads && (!other_ || offer_us < other_us)) {
            other_ = way;
            other_us = offer_us;
        }
        if (algorithm == "auto") {
            if ((strict && !way->facts.strict()) || (way_ && least_us <= us)) continue;
            least_us = us;
        } else if (algorithm != candidate.promise.name) {
            continue;
        }
        way_ = way;
        way_us = offer_us;
    }
    std::sort(candidates_.begin(), candidates_.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    if (!refusal.empty()) throw std::invalid_argument("algorithm '" + algorithm + "' cannot compute this: " + refusal);
    if (!way_) throw std::invalid_argument("algorithm must be 'auto' or one of " + names + ", got '" + algorithm + "'");
    threads_ = way_->affordable(problem_, threads_);
    if (!way_->facts.promise.spreads) other_ = nullptr;
    layout_ = layout_of(*way_, problem_);
    if (other_) layout_ += ", " + layout_of(*other_, problem_);
    other_runs_ = other_us / way_us;
}

double Plan::price() const { return price_of(*way_, problem_); }

std::shared_ptr<const Packed> Plan::pack(const void* weight) const {
    auto packed = std::make_shared<Packed>(way_->facts.packed_bytes, layout_);
    way_->pack(weight, packed->data());
    if (way_->facts.promise.spreads) packed->keep_filters(std::make_unique<Filters>(problem_, weight));
    return packed;
}

void Plan::run(const void* x, const Packed& packed, const void* bias, Activation activation, void* out) const {
    if (packed.layout() != layout_)
        throw std::invalid_argument("packed weights have another layout: got '" + packed.layout() + "', need '" +
                                    layout_ + "'");
    const Args args{x, packed.data(), bias, out, activation};
    if (spoiled(args)) recover(problem_, *way_, *other_, *packed.filters(), args, threads_, other_runs_);
}

bool Plan::spoiled(Args args) const {
    bool spoiled = false;
    if (way_->facts.promise.spreads) args.spoiled = &spoiled;
    way_->run(args, threads_);
    return spoiled;
}

void Plan::run_unpacked(const void* x, const void* weight, const void* bias, Activation activation, void* out) const {
    alignas(64) char few[4096];
    const size_t bytes = way_->facts.packed_bytes;
    const Memory many = bytes > sizeof few ? allocate(bytes) : Memory();
    void* const packed = many ? many.get() : few;
    way_->pack(weight, packed);
    const Args args{x, packed, bias, out, activation};
    if (spoiled(args)) recover(problem_, *way_, *other_, Filters(problem_, weight), args, threads_, other_runs_);
}

void Plan::run_turned(const void* x, const Turned& weight, const void* bias, Activation activation, void* out) const {
    const Memory packed = allocate(way_->facts.packed_bytes);
    Memory turned;
    const auto turn = [&] {
        const size_t bytes = size_t(problem_.weight_count() * problem_.element_bytes());
        turned = allocate(bytes);
        with_element(problem_.dtype, [&]<class T>() {
            turn_weight(problem_, weight, static_cast<T*>(turned.get()), packing_threads(bytes));
        });
    };
    if (!way_->pack_turned(weight, packed.get())) {
        turn();
        way_->pack(turned.get(), packed.get());
    }
    const Args args{x, packed.get(), bias, out, activation};
    if (!spoiled(args)) return;
    if (!turned) turn();
    recover(problem_, *way_, *other_, Filters(problem_, turned.get()), args, threads_, other_runs_);
}

}  // namespace striate
