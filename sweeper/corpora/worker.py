"""A process that tokenises: `python -m sweeper.corpora.worker FOLDER FINGERPRINT`.

It takes pickled lists of texts from standard input and gives, for each, the pickled list of their stored tokens. It
ends with its input: when the process that started it is gone, killed or not, so is the input.
"""

import contextlib
import os
import pickle
import signal
import sys

# An interrupt in a terminal reaches all processes of the group: the one that started this one decides.
signal.signal(signal.SIGINT, signal.SIG_IGN)


def serve(folder: str, fingerprint: str) -> None:
    """Answer until the input ends."""
    from sweeper.corpora.tokenizer import TokenizerRef, load_encoder

    answers = os.fdopen(os.dup(1), "wb")
    # Whatever a library prints must not get between the answers.
    os.dup2(2, 1)
    documents = load_encoder(TokenizerRef(folder, fingerprint)).documents()
    # A closed pipe: nobody wants the answer any more.
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            texts: list[str] = pickle.load(sys.stdin.buffer)
            pickle.dump(documents.stored(texts), answers, protocol=pickle.HIGHEST_PROTOCOL)
            answers.flush()


if __name__ == "__main__":
    serve(*sys.argv[1:])
