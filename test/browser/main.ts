// npm run test:browser: the tests that need a browser. Skipped with a message where there is none.

import t from 'tap'
import { chromiumPath } from './chromium.ts'

const skip = 'there is no chromium: apt-get install chromium, or set CHROMIUM to its path'
if (chromiumPath === null) t.test('pages', { skip }, async () => {})
else {
  await import('./contention.ts')
  await import('./tabs.ts')
  await import('./dashboard.ts')
  await import('./dashboard-trouble.ts')
  await import('./dashboard-recovery.ts')
  await import('./log-in.ts')
  await import('./page-acts.ts')
  await import('./page-at-widths.ts')
}
