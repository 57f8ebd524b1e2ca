// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/weights/safetensors.h"
#include "model/weights/state_dict.h"

#include <map>
#include <memory>

namespace vlm {

/// A dictionary with matrices that were packed at an earlier load laid over it: `NAME.qweight` and
/// what belongs to it (README), from a file that can be thrown away at any time. A matrix that is
/// damaged there is not seen, so that it is packed anew. The packed form is the same on every
/// machine. Tensors from the file lie in its pages, read-only, and keep it mapped: it may be removed
/// or replaced by another meanwhile, but nobody may write into it. Not thread-safe.
class PackedCache : public StateDict, public PackedSink {
public:
  /// `path`: the file, which need not exist. What it holds counts only if it was made with the same
  /// `stamp`. `below` must outlive this.
  PackedCache(const StateDict &below, std::string path, std::string stamp);

  bool contains(const std::string &name) const override;
  /// Those of the dictionary below.
  std::vector<std::string> names() const override { return below_.names(); }
  std::vector<int64_t> shape(const std::string &name) const override;
  at::Tensor load(const std::string &name, at::ScalarType dtype) const override;
  at::Tensor load_rows(const std::string &name, at::ScalarType dtype, int64_t first,
                       int64_t count) const override {
    return below_.load_rows(name, dtype, first, count);
  }
  std::string origin(const std::string &name) const override;

  void keep(const std::string &name, const at::Tensor &tensor) override;

  /// Writes the file if anything was packed anew, and takes away what nobody used for a month from
  /// its folder. Never throws: what cannot be kept is packed again the next time, and logged.
  void save() const noexcept;

private:
  void open();
  bool take(const std::string &name) const;
  void write() const;

  const StateDict &below_;
  const std::string path_, stamp_;
  std::shared_ptr<const SafetensorsFile> file_;
  mutable std::map<std::string, at::Tensor> packed_; // taken from the file, or kept
  bool anew_ = false;
};

} // namespace vlm
