// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/gguf_file.h"

#include "model/core/error.h"
#include "model/core/progress_bar.h"
#include "model/weights/random_values.h"

#include <fstream>
#include <functional>
#include <numeric>

namespace vlm {
namespace {

namespace fs = std::filesystem;

// Numbers that the format gives its types.
enum KeyType : uint32_t { kUint32 = 4, kFloat32 = 6, kString = 8 };
enum TensorType : uint32_t { kF32 = 0, kBf16 = 30 };
constexpr int64_t kAlignment = 32; // of every tensor; what is meant when no key says otherwise

int64_t aligned(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

/// As the file has it; the format is little-endian, as all that this program runs on.
template <typename Number> void append(std::string &out, Number number) {
  out.append(reinterpret_cast<const char *>(&number), sizeof number);
}

void append(std::string &out, const std::string &text) {
  append(out, static_cast<uint64_t>(text.size()));
  out += text;
}

void append_tensor(std::string &out, const std::string &name, const std::vector<int64_t> &shape,
                   int64_t offset) {
  append(out, name);
  append(out, static_cast<uint32_t>(shape.size()));
  for (auto size = shape.rbegin(); size != shape.rend(); ++size) // the innermost comes first
    append(out, static_cast<uint64_t>(*size));
  append<uint32_t>(out, shape.size() == 1 ? kF32 : kBf16);
  append(out, static_cast<uint64_t>(offset));
}

void write_values(std::ofstream &out, const at::Tensor &values, int64_t bytes) {
  const std::string padding(static_cast<size_t>(aligned(bytes) - bytes), '\0');
  out.write(static_cast<const char *>(values.data_ptr()), bytes);
  out << padding;
}

} // namespace

void GgufFile::text(const std::string &key, const std::string &value) {
  append(keys_, key);
  append<uint32_t>(keys_, kString);
  append(keys_, value);
  ++key_count_;
}

void GgufFile::integer(const std::string &key, int64_t value) {
  append(keys_, key);
  append<uint32_t>(keys_, kUint32);
  append(keys_, static_cast<uint32_t>(value));
  ++key_count_;
}

void GgufFile::real(const std::string &key, double value) {
  append(keys_, key);
  append<uint32_t>(keys_, kFloat32);
  append(keys_, static_cast<float>(value));
  ++key_count_;
}

void GgufFile::tensor(const std::string &name, std::vector<int64_t> shape) {
  const int64_t width = shape.size() == 1 ? 4 : 2;
  const int64_t bytes = std::accumulate(shape.begin(), shape.end(), width, std::multiplies<>());
  tensors_.push_back({name, std::move(shape), bytes, data_bytes_});
  data_bytes_ += aligned(bytes);
}

std::string GgufFile::header() const {
  std::string out = "GGUF";
  append(out, uint32_t{3});
  append(out, static_cast<uint64_t>(tensors_.size()));
  append(out, key_count_);
  out += keys_;
  for (const Tensor &tensor : tensors_)
    append_tensor(out, tensor.name, tensor.shape, tensor.offset);
  out.resize(static_cast<size_t>(aligned(static_cast<int64_t>(out.size()))));
  return out;
}

int64_t GgufFile::bytes() const { return static_cast<int64_t>(header().size()) + data_bytes_; }

void GgufFile::write(const fs::path &path) const {
  fs::path part = path;
  part += ".part";
  std::ofstream out(part, std::ios::binary);
  out << header();
  RandomValues random;
  ProgressBar bar("weights", "bytes", data_bytes_);
  for (const Tensor &tensor : tensors_) {
    const at::Tensor values = random.make(tensor.shape);
    write_values(out, tensor.shape.size() == 1 ? values.to(at::kFloat) : values, tensor.bytes);
    bar.update(tensor.offset + tensor.bytes);
  }
  bar.clear();
  out.close();
  if (!out) {
    fs::remove(part);
    fail(ErrorCategory::Failed, path.string(), ": cannot be written");
  }
  fs::rename(part, path);
}

} // namespace vlm
