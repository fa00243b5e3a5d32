// What servers must understand: every channel, since they dial one another, too. Imported for its effect.

import './client-channels.ts'
import { learn } from './codec.ts'
import { validators } from './validators-server.js'

learn(validators)
