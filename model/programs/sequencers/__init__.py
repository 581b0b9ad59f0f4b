"""The sequencers as programs, and the steps of their specs that each operation stands for."""
