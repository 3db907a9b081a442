"""How results and findings are shown: pages, pictures, and summaries for the terminal."""
