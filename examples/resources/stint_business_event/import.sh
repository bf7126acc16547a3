terraform import stint_business_event.audit audit-2036
