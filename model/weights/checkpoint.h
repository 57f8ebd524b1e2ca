// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/weights/state_dict.h"
#include "model/weights/tensor_file.h"

#include <map>

namespace vlm {

/// How a matrix of that name is held in a model whose decoder layers are quantised so: towers,
/// projector and head in int8; embeddings, mining and routers not at all.
Quantization held_in(const std::string &name, Quantization decoder);

/// The tensors of a checkpoint directory: `model.safetensors`, or the shards that
/// `model.safetensors.index.json` names (the single file wins, as in Hugging Face). Every header is
/// read and checked at once; values are read by load().
///
/// A vision tower whose tensors are not among them comes from the directory that config.json names
/// in `mm_vision_tower` or `mm_vision_tower_aux` (mgm-spec 2.3 to 2.5). An absolute path is taken
/// as it is; a relative one is looked for below the working directory (as the reference does), then
/// below the checkpoint, then beside it. There, the first of model.safetensors,
/// open_clip_model.safetensors, pytorch_model.bin and open_clip_pytorch_model.bin is read; text
/// towers, heads and position ids in it are ignored.
class Checkpoint : public StateDict {
public:
  /// Error(NotFound | Unreadable | Format | Unsupported) naming file and tensor.
  explicit Checkpoint(const std::string &directory);

  bool contains(const std::string &name) const override;
  std::vector<std::string> names() const override;
  std::vector<int64_t> shape(const std::string &name) const override;
  /// Accepts stored float32, float16 and bfloat16; anything else is Error(Format). Bytes (kByte)
  /// are given as they are stored, whole, and must have the checksum that the file's metadata
  /// states for them ("checksum." and the name; core/checksum.h).
  at::Tensor load(const std::string &name, at::ScalarType dtype) const override;
  at::Tensor load_rows(const std::string &name, at::ScalarType dtype, int64_t first,
                       int64_t count) const override;
  std::string origin(const std::string &name) const override;

  const std::string &directory() const { return directory_; }
  /// The type that a tensor is stored in; errors as shape().
  at::ScalarType dtype(const std::string &name) const;

  /// 64 hexadecimal digits that identify the weights: SHA-256 over config.json and then, for every
  /// file in the order of its name, its header and the first and last 4 KiB of each tensor in the
  /// order of names. Where the files lie does not matter. A change deep inside a large tensor alone
  /// is not seen: this tells models apart, it does not prove integrity.
  std::string digest() const;

  /// Identifies the weights to what was made of them and kept: the digest, and size and time of
  /// change of every file, so that a change which the digest does not see counts as well.
  std::string stamp() const;

  /// Bytes that all tensors take once loaded: matrices (two sizes) as `matrix_dtype`, everything
  /// else as float32, packed ones as they are. `tied_head`: lm_head.weight is not loaded,
  /// the embeddings stand for it and are held as it would be.
  /// `quantization`: of the decoder's linear layers; those of towers and projector and the head are
  /// then held in int8.
  uint64_t weight_bytes(at::ScalarType matrix_dtype, bool tied_head,
                        Quantization quantization = Quantization::None) const;

private:
  struct Source {
    const TensorFile *file;
    std::string name; ///< in that file
  };
  void open_files();
  void add_tower(const std::string &directory, const std::string &key);
  const TensorFile::Info &info(const std::string &name) const;
  const Source &source(const std::string &name) const;
  const Source &stored_values(const std::string &name) const;
  at::Tensor load_bytes(const std::string &name) const;
  void check_finite(const std::string &name, bool finite) const;

  std::string directory_;
  std::string config_;                                             ///< text of config.json
  std::map<std::string, std::unique_ptr<const TensorFile>> files_; ///< by file name, without folder
  std::map<std::string, Source> sources_;
};

} // namespace vlm
