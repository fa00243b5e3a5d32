// What was caught of each blind spot when the proof was measured first. It had 142 planted bugs, which were
// all caught, while 25 of 56 others that were planted by hand were caught by nothing (31 by a test, a seed or
// the search). By hand no group was covered in full, so that only the survivors of a kind were counted.

export const before: Readonly<Record<string, string>> = {
  views: '29 of 29',
  'copies and answers': '37 of 37',
  'clocks and leases': '18 of 18',
  order: '15 of 15',
  'requests and replies': '32 of 32',
  'values in answers': '2 by hand survived: refusals, unconfirmed answers',
  'limits and budgets': '3 by hand survived: several names at once, parts of an answer, exact bounds',
  twice: '5 by hand survived: two resets, reconnects, watches, views, rests',
  'standing still in a fault':
    '5 by hand survived: renewals, opens, a lone primary, clients of a leaving one',
  'memory and long lives': '2 by hand survived: forgetting, ages',
  'surface of the client': '2 by hand survived: a finish, a new session; 4 of watches',
  'pages and metrics': '6 by hand survived: with the disk and the time limits of the command',
  'disk, minutes, moments': '9 of 9',
}
