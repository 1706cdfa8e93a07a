<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Records</title></head>
<body>
<h1>Records</h1>
<table>
<thead><tr><th>Time</th><th>Prediction</th><th>Name</th><th>Source</th><th>Record</th></tr></thead>
<tbody>
% for row in rows:
<tr><td>{{ row[1] }}</td><td>{{ row[2] }}</td><td>{{ row[3] }}</td><td>{{ row[4] }}</td><td><a href="/records/{{ row[0] }}">{{ row[0] }}</a></td></tr>
% end
</tbody>
</table>
</body>
</html>
