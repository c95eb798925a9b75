"""The rules that decide a figure, each written once: plain values and arrays in, arrays out."""
