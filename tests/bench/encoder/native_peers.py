"""onnxruntime or PyTorch as a contestant of `make bench-encoder`, driven over standard input.

    python native_peers.py onnxruntime <folder with model.onnx> <threads> [cuda]
    python native_peers.py torch <model folder> <threads> [cuda]

Prints a line of JSON once the model is there, and one for every line of JSON that it reads:
`{"ids": [...], "calls": n}` → `{"ms": [...], "vector": [...]}`, as `native.rs` does.
"""

import json
import pathlib
import sys
import time

import numpy


def onnxruntime_peer(folder, threads, device):
    """A function from ids to the vector, and what computes it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    providers = ["CUDAExecutionProvider"] if device == "cuda" else ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(str(pathlib.Path(folder) / "model.onnx"), options, providers=providers)
    embed = lambda ids: session.run(["vector"], {"ids": numpy.array(ids, numpy.int32)})[0]
    return embed, f"onnxruntime {onnxruntime.__version__}", device


def torch_peer(folder, threads, device):
    """As `onnxruntime_peer`; on CUDA in float32, with TensorFloat-32 left off."""
    import torch

    from torch_models import model_of

    torch.set_num_threads(threads)
    model = model_of(folder, device)

    def embed(ids):
        with torch.inference_mode():
            return model(torch.tensor(ids, device=device)).cpu().numpy()

    name = torch.cuda.get_device_name() if device == "cuda" else "cpu"
    return embed, f"PyTorch {torch.__version__.partition('+')[0]}", name


PEERS = {"onnxruntime": onnxruntime_peer, "torch": torch_peer}


def main(peer, folder, threads, device="cpu"):
    start = time.perf_counter()
    embed, name, device = PEERS[peer](folder, int(threads), device)
    print(json.dumps({"name": name, "device": device, "loadMs": 1e3 * (time.perf_counter() - start)}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        times = []
        for _ in range(asked["calls"]):
            start = time.perf_counter()
            vector = embed(asked["ids"])
            times.append(1e3 * (time.perf_counter() - start))
        print(json.dumps({"ms": times, "vector": [float(value) for value in vector]}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
