// What servers must understand: every channel, since they dial one another, too. Imported for its effect.

import { learn } from './codec.ts'
import './operator-channels.ts'
import { validators } from './validators-server.js'

learn(validators)
