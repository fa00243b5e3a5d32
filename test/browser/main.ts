// npm run test:browser: what needs a browser. Skipped, and said so, where there is none.

import t from 'tap'
import { chromiumPath } from './chromium.ts'

const skip = 'there is no chromium: apt-get install chromium, or set CHROMIUM to its path'
if (chromiumPath === null) t.test('pages', { skip }, async () => {})
else {
  await import('./contention.ts')
  await import('./tabs.ts')
  await import('./dashboard.ts')
  await import('./dashboard-trouble.ts')
}
