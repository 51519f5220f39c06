"""What a clinic writes down of both ovaries: study, findings of each side, the polycystic criterion, and the page that holds them."""
