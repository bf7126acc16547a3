terraform import stint_delegation.summer carol-summer
