// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/weights/model_config.h"

#include "model/weights/checkpoint.h"
#include "tests/model/weights/scratch.h"
#include "tests/support/fixture.h"

#include <algorithm>

namespace vlm {
namespace {

using nlohmann::json;
using test::expect_error;
using test::Scratch;

ModelConfig read_fixture(const std::string &name) {
  const Checkpoint checkpoint(test::data(name + "/model"));
  return read_model_config(checkpoint.directory(), checkpoint);
}

/// Shapes only: what read_model_config asks of weights.
class Shapes : public StateDict {
public:
  std::map<std::string, std::vector<int64_t>> shapes;
  bool contains(const std::string &name) const override { return shapes.count(name) > 0; }
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (const auto &[name, shape] : shapes)
      out.push_back(name);
    return out;
  }
  std::vector<int64_t> shape(const std::string &name) const override { return shapes.at(name); }
  at::Tensor load(const std::string &, at::ScalarType) const override { return {}; }
  std::string origin(const std::string &) const override { return {}; }
};

json minimal() {
  return {{"architectures", {"MGMLlamaForCausalLM"}},
          {"hidden_size", 64},
          {"intermediate_size", 96},
          {"num_hidden_layers", 2},
          {"num_attention_heads", 4},
          {"vocab_size", 100},
          {"max_position_embeddings", 512},
          {"eos_token_id", 2}};
}

ModelConfig read(const Scratch &scratch, const json &config, const Shapes &weights = {}) {
  scratch.write("config.json", config.dump());
  return read_model_config(scratch.path("."), weights);
}

TEST(ModelConfig, EveryFixtureIsUnderstood) {
  for (const std::string name : test::kReferenceModels) {
    SCOPED_TRACE(name);
    const json expected = test::read_json(name + "/case.json");
    const json &sizes = expected["sizes"];
    const ModelConfig config = read_fixture(name);
    const bool gemma = name == "gemma", mixtral = name == "mixtral", hd = sizes["grid"] == 2;
    EXPECT_EQ(config.family, gemma ? Family::Gemma : mixtral ? Family::Mixtral : Family::Llama);
    EXPECT_EQ(config.stop_ids, expected["stop_ids"].get<std::vector<int64_t>>());
    EXPECT_EQ(config.decoder.hidden_size, sizes["hidden"]);
    EXPECT_EQ(config.decoder.intermediate_size, sizes["ffn"]);
    EXPECT_EQ(config.decoder.num_hidden_layers, sizes["layers"]);
    EXPECT_EQ(config.decoder.num_attention_heads, sizes["heads"]);
    EXPECT_EQ(config.decoder.num_key_value_heads, sizes["kv"]);
    EXPECT_EQ(config.decoder.head_dim, sizes["head_dim"]);
    EXPECT_EQ(config.decoder.vocab_size, sizes["vocab"]);
    EXPECT_EQ(config.decoder.rope_theta, sizes["theta"]);
    EXPECT_EQ(config.decoder.max_position_embeddings, 4096);
    EXPECT_EQ(config.decoder.rms_norm_eps, gemma ? 1e-6 : 1e-5);
    EXPECT_EQ(config.decoder.hidden_act, gemma ? Activation::GeluErf : Activation::Silu);
    EXPECT_EQ(config.decoder.tie_word_embeddings, gemma);
    EXPECT_EQ(config.decoder.norm_unit_offset, gemma);
    EXPECT_EQ(config.decoder.scale_embeddings, gemma);
    EXPECT_EQ(config.decoder.num_local_experts, mixtral ? 8 : 1);
    EXPECT_EQ(config.decoder.num_experts_per_tok, mixtral ? 2 : 1);
    EXPECT_TRUE(config.has_vision);
    EXPECT_EQ(config.vision.image_size_aux, sizes["hr"]);
    EXPECT_EQ(config.vision.image_grid, sizes["grid"]);
    EXPECT_EQ(config.vision.image_global, hd);
    EXPECT_TRUE(config.vision.pad_to_square);
    EXPECT_EQ(config.vision.select_layer, -2);
    EXPECT_FALSE(config.vision.keep_class_token);
    EXPECT_EQ(config.vision.projector_type, "mlp2x_gelu");
    EXPECT_EQ(config.tokenizer_model_max_length, hd ? 4096 : 2048);
    EXPECT_EQ(config.conversation_template, "");
  }
}

TEST(ModelConfig, DefaultsOfAMinimalFile) {
  const Scratch scratch;
  const ModelConfig config = read(scratch, minimal());
  EXPECT_EQ(config.decoder.num_key_value_heads, 4);
  EXPECT_EQ(config.decoder.head_dim, 16);
  EXPECT_EQ(config.decoder.rope_theta, 10000);
  EXPECT_EQ(config.decoder.rms_norm_eps, 1e-6);
  EXPECT_FALSE(config.decoder.tie_word_embeddings);
  EXPECT_FALSE(config.has_vision);
  EXPECT_EQ(config.vision.image_size_aux, 0);
  EXPECT_EQ(config.tokenizer_model_max_length, 512);
  EXPECT_EQ(config.stop_ids, std::vector<int64_t>{2});
}

TEST(ModelConfig, HeadWidthComesFromTheTensors) {
  const Scratch scratch;
  Shapes weights;
  weights.shapes["model.layers.0.self_attn.q_proj.weight"] = {128, 64};
  EXPECT_EQ(read(scratch, minimal(), weights).decoder.head_dim, 32);
}

TEST(ModelConfig, ExpertsDecideTheFamily) {
  const Scratch scratch;
  Shapes weights;
  json mixtral = minimal();
  mixtral["architectures"] = {"MiniGeminiMixtralForCausalLM"};
  expect_error(ErrorCategory::Format, {"config.json", "architectures", "not those of a mixture"},
               [&] { read(scratch, mixtral); });
  weights.shapes["model.layers.0.block_sparse_moe.gate.weight"] = {8, 64};
  EXPECT_EQ(read(scratch, mixtral, weights).decoder.num_local_experts, 8);
  expect_error(ErrorCategory::Format, {"config.json", "architectures", "mixture of experts"},
               [&] { read(scratch, minimal(), weights); });
}

TEST(ModelConfig, GemmaActivation) {
  const Scratch scratch;
  json config = minimal();
  config["architectures"] = {"MGMGemmaForCausalLM"};
  config["hidden_act"] = "gelu";
  const auto activation = [&] { return read(scratch, config).decoder.hidden_act; };
  EXPECT_EQ(activation(), Activation::GeluErf);
  config["transformers_version"] = "4.38.2";
  EXPECT_EQ(activation(), Activation::GeluErf);
  config["transformers_version"] = "4.39.0.dev0";
  EXPECT_EQ(activation(), Activation::GeluTanh);
  config["hidden_activation"] = nullptr;
  EXPECT_EQ(activation(), Activation::GeluTanh);
  config["hidden_activation"] = "gelu";
  EXPECT_EQ(activation(), Activation::GeluErf);
  config["hidden_activation"] = "gelu_pytorch_tanh";
  config["transformers_version"] = "4.38.2";
  EXPECT_EQ(activation(), Activation::GeluTanh);
  EXPECT_TRUE(read(scratch, config).decoder.tie_word_embeddings);
}

TEST(ModelConfig, StopIds) {
  const Scratch scratch;
  json config = minimal();
  config["eos_token_id"] = {7, 3};
  EXPECT_EQ(read(scratch, config).stop_ids, (std::vector<int64_t>{3, 7}));
  scratch.write("generation_config.json", R"({"eos_token_id": 2})");
  EXPECT_EQ(read(scratch, config).stop_ids, (std::vector<int64_t>{3, 7}));
  scratch.write("generation_config.json", R"({"eos_token_id": [7, 9]})");
  EXPECT_EQ(read(scratch, config).stop_ids, (std::vector<int64_t>{3, 7, 9}));
  scratch.write("tokenizer_config.json", R"({"eos_token": {"content": "<end>"},
    "added_tokens_decoder": {"5": {"content": "<end>"}, "6": {"content": "<|eot_id|>"}}})");
  EXPECT_EQ(read(scratch, config).stop_ids, (std::vector<int64_t>{5, 6}));
  config["vocab_size"] = 6;
  expect_error(ErrorCategory::Format, {"config.json", "vocab_size is 6", "token 6"},
               [&] { read(scratch, config); });
}

TEST(ModelConfig, WrongValuesAreNamed) {
  struct Case {
    const char *key;
    json value;
    const char *message;
    ErrorCategory category = ErrorCategory::Format;
  };
  const ErrorCategory unsupported = ErrorCategory::Unsupported;
  const std::vector<Case> cases = {
      {"architectures", nullptr, "architectures is not a list"},
      {"architectures", "MGMLlamaForCausalLM", "architectures is not a list"},
      {"architectures", {1}, "architectures is not a list"},
      {"architectures", json::array(), "architectures is not a list"},
      {"architectures",
       {"GPT2LMHeadModel"},
       "architectures \"GPT2LMHeadModel\" is not supported",
       unsupported},
      {"hidden_size", nullptr, "hidden_size is missing"},
      {"hidden_size", "64", "hidden_size is \"64\", expected an integer"},
      {"hidden_size", 64.5, "hidden_size is 64.5, expected an integer"},
      {"hidden_size", -64, "hidden_size is -64, expected 1 to"},
      {"hidden_size", 0, "hidden_size is 0, expected 1 to"},
      {"hidden_size", 18446744073709551615u, "hidden_size is 18446744073709551615, expected"},
      {"hidden_size", 63, "num_attention_heads is 4, which does not divide"},
      {"hidden_size", 12, "head_dim is 3, rotary"},
      {"intermediate_size", nullptr, "intermediate_size is missing"},
      {"intermediate_size", true, "intermediate_size is true"},
      {"num_hidden_layers", 1000000, "num_hidden_layers is 1000000, expected 1 to 1024"},
      {"num_attention_heads", 0, "num_attention_heads is 0"},
      {"num_key_value_heads", 3, "num_key_value_heads is 3, which does not divide"},
      {"num_key_value_heads", 8, "num_key_value_heads is 8, expected 1 to 4"},
      {"head_dim", 15, "head_dim is 15, rotary embeddings need an even number"},
      {"vocab_size", 1e12, "vocab_size is 1000000000000.0"},
      {"vocab_size", nullptr, "vocab_size is missing"},
      {"max_position_embeddings", {1}, "max_position_embeddings is [1]"},
      {"rms_norm_eps", 0, "rms_norm_eps is 0, expected a positive number"},
      {"rms_norm_eps", "1e-5", "rms_norm_eps is \"1e-5\""},
      {"rope_theta", -1, "rope_theta is -1"},
      {"tie_word_embeddings", 1, "tie_word_embeddings is 1, expected true or false"},
      {"hidden_act", "relu", "hidden_act relu is not supported", unsupported},
      {"hidden_act", 1, "hidden_act is 1, expected a string"},
      {"rope_scaling", {{"type", "linear"}}, "rope_scaling", unsupported},
      {"sliding_window", 4096, "sliding_window 4096 is not supported", unsupported},
      {"attention_bias", true, "attention_bias true is not supported", unsupported},
      {"mm_use_im_start_end", true, "mm_use_im_start_end true", unsupported},
      {"image_size_aux", -1, "image_size_aux is -1"},
      {"image_grid", 0, "image_grid is 0"},
      {"image_global", true, "image_global is true, but image_grid is 1"},
      {"mm_vision_select_feature", "all", "mm_vision_select_feature all", unsupported},
      {"mm_projector_type", {1}, "mm_projector_type is [1]"},
      {"tokenizer_model_max_length", 0, "tokenizer_model_max_length is 0"},
      {"eos_token_id", nullptr, "eos_token_id is missing"},
      {"eos_token_id", {1, "2"}, "eos_token_id is \"2\""},
      {"eos_token_id", -1, "eos_token_id is -1"},
      {"eos_token_id", 100, "vocab_size is 100, but the model stops on token 100"},
      {"conversation_template", 4, "conversation_template is 4"},
  };
  const Scratch scratch;
  for (const Case &broken : cases) {
    json config = minimal();
    config[broken.key] = broken.value;
    SCOPED_TRACE(config.dump());
    expect_error(broken.category, {scratch.path("./config.json"), broken.message},
                 [&] { read(scratch, config); });
  }
}

TEST(ModelConfig, BrokenFiles) {
  const Scratch scratch;
  expect_error(ErrorCategory::NotFound, {"config.json"},
               [&] { read_model_config(scratch.path("."), Shapes()); });
  for (const char *name : {"generation_config.json", "tokenizer_config.json", "config.json"}) {
    scratch.write(name, "{\"eos_token\": ");
    expect_error(ErrorCategory::Format, {name, "not valid JSON"}, [&] {
      if (std::string(name) == "config.json")
        read_model_config(scratch.path("."), Shapes());
      else
        read(scratch, minimal());
    });
    scratch.write(name, "{\"deep\":" + std::string(50000, '[') + std::string(50000, ']') + "}");
    expect_error(ErrorCategory::Format, {name, "levels deep"}, [&] {
      if (std::string(name) == "config.json")
        read_model_config(scratch.path("."), Shapes());
      else
        read(scratch, minimal());
    });
    scratch.write(name, "{}");
  }
}

TEST(ModelConfig, QuantisedByThisProgramOrByAnother) {
  const Scratch scratch;
  EXPECT_EQ(read(scratch, minimal()).quantization, Quantization::None);
  const auto with = [&](const json &value) {
    json config = minimal();
    config["quantization_config"] = value;
    return read(scratch, config).quantization;
  };
  json ours = {{"quant_method", "gst-vlm"}, {"format", 1}, {"precision", "int8"}};
  EXPECT_EQ(with(ours), Quantization::Int8);
  EXPECT_EQ(read_quantization(scratch.path(".")), Quantization::Int8);
  ours["precision"] = "int4";
  EXPECT_EQ(with(ours), Quantization::Int4);
  ours["precision"] = "int3";
  test::expect_error(ErrorCategory::Format, {"config.json", "quantization_config", "int3"},
                     [&] { with(ours); });
  ours["format"] = 2;
  test::expect_error(ErrorCategory::Unsupported, {"quantization_config.format", "2"},
                     [&] { with(ours); });
  test::expect_error(ErrorCategory::Unsupported, {"quant_method", "bitsandbytes"}, [&] {
    with({{"quant_method", "bitsandbytes"}});
  });
  test::expect_error(ErrorCategory::Format, {"quantization_config"}, [&] { with("int8"); });
}

TEST(ModelConfig, PartsOfATowerAreVision) {
  const Scratch scratch;
  Shapes weights;
  weights.shapes["model.norm.weight"] = {64};
  EXPECT_FALSE(read(scratch, minimal(), weights).has_vision);
  weights.shapes["model.mm_projector.0.weight"] = {64, 128};
  EXPECT_TRUE(read(scratch, minimal(), weights).has_vision);
}

TEST(ModelConfig, ATemplateMayBeNamed) {
  const Scratch scratch;
  json config = minimal();
  config["conversation_template"] = "vlm_tiny";
  EXPECT_EQ(read(scratch, config).conversation_template, "vlm_tiny");
}

} // namespace
} // namespace vlm
