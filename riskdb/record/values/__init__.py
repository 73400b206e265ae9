"""What people write in a cell, understood: times, plates, plate classes, areas. What could be two things is refused."""
